// Judges mails by what Gmail and Outlook support (caniemail.com's tables). Each argument is an html file.
// What a client lacks must be on the list below, with how the mail looks without it; anything else fails.
import { readFileSync } from "node:fs";
import { caniemail } from "caniemail";

const degradesTo = new Map([
  ["@media", "the light colours"],
  ["<style> element", "the light colours: all else is inline"],
  ["Attribute selector", "the light colours"],
  ["Class selector", "the light colours"],
  ["Descendant combinator", "the light colours"],
  ["Type selector", "the light colours"],
  ["<body> element", "a div with the same background, which the outer table has too"],
  ["role attribute", "a layout table that is read as one"],
  ["border-radius", "square corners"],
  ["word-break", "a word that is wider than its card"],
  ["max-width", "the fixed width of the table in a conditional comment"],
]);

let wrong = 0;
for (const file of process.argv.slice(2)) {
  const { issues } = caniemail({ clients: ["gmail.*", "outlook.*"], html: readFileSync(file, "utf8") });
  for (const [client, list] of issues.errors) {
    for (const title of new Set(list.map((issue) => issue.title))) {
      if (!degradesTo.has(title)) {
        console.log(`${file}: ${client} does not support ${title}`);
        wrong += 1;
      }
    }
  }
}
console.log(`${process.argv.length - 2} mails, ${wrong} problems`);
process.exit(wrong === 0 && process.argv.length > 2 ? 0 : 1);
