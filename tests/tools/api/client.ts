// A program of somebody else's, by the types that the API's document makes: it compiles only if it sends what the
// document takes and reads what it gives, and it runs only if the server keeps to that.
import type { paths, components } from "./api.js";

declare const process: { env: Record<string, string | undefined>; exitCode: number };

type Schemas = components["schemas"];
type Problem = Schemas["Problem"];
type Methods = "get" | "post" | "put" | "patch" | "delete";

/** What an operation answers with one of these statuses. */
type Answered<Operation, Status extends number> = Operation extends {
  responses: { [status in Status]: { content: { "application/json": infer Body } } };
}
  ? Body
  : never;
/** What an operation takes as its body. */
type Taken<Operation> = Operation extends { requestBody: { content: { "application/json": infer Body } } } ? Body : never;

const server = process.env["SERVER"] ?? "";

async function call(key: string, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const answer = await fetch(server + path, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { answer, json: text === "" ? undefined : JSON.parse(text) };
}

/** One operation by its path in the document, typed by it. */
function operation<Path extends keyof paths, Method extends Methods & keyof paths[Path], Status extends number>(
  key: string,
  path: Path,
  method: Method,
  status: Status,
) {
  type Operation = paths[Path][Method];
  return async (
    into: Record<string, string>,
    body?: Taken<Operation>,
    headers?: Record<string, string>,
  ): Promise<{ value: Answered<Operation, Status>; answer: Response }> => {
    let filled: string = path;
    for (const [name, value] of Object.entries(into)) {
      filled = filled.replace(`{${name}}`, encodeURIComponent(value));
    }
    const { answer, json } = await call(key, method.toUpperCase(), filled, body, headers);
    if (answer.status !== status) {
      throw new Error(`${method} ${filled}: ${answer.status} ${JSON.stringify(json)}`);
    }
    return { value: json, answer };
  };
}

function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

const admin = process.env["ADMIN_KEY"] ?? "";
const live = process.env["LIVE_KEY"] ?? "";

// The source's four endpoints.
const users = await operation(admin, "/v1/users", "get", 200)({});
const owner: Schemas["User"] | undefined = users.value.data.find((user) => user.role === "owner");
must(owner !== undefined && owner.email.includes("@") && users.value.next_cursor === null, "the Owner is listed");

const team = await operation(admin, "/v1/teams", "post", 201)({}, { name: "Night shift" });
const slug: string = team.value.slug;
must(team.answer.headers.get("location") === `/v1/teams/${slug}`, "it says where the team is");

const invite = operation(admin, "/v1/users/invite", "post", 201);
const wanted = { email: "rui.sousa@halden.example", role: "developer" as const, teams: [slug] };
const name = { "idempotency-key": "invite-rui" };
const invited = await invite({}, wanted, name);
const again = await invite({}, wanted, name);
must(invited.value.id === again.value.id, "the same again is the same");
must(again.answer.headers.get("idempotency-replayed") === "true", "and says so");
const pending: string | null = invited.value.ends_at;
must(pending === null && invited.value.inviter.id === owner.id, "it says whose invitation it is");
await operation(admin, "/v1/invitations/{id}", "delete", 204)({ id: invited.value.id });

const member = users.value.data.find((user) => user.role === "member");
must(member !== undefined, "there is a member");
const changed = await operation(admin, "/v1/users/{id}/role", "patch", 200)({ id: member.id }, { role: "reviewer" });
must(changed.value.role === "reviewer", "the role is another");
await operation(admin, "/v1/teams/{slug}/members/{id}", "put", 201)({ slug, id: member.id }, { maintainer: true });
await operation(admin, "/v1/users/{id}", "delete", 204)({ id: member.id });

// A resource in the sources' form, and a live key that asks about it.
const access: Schemas["AccessForm"] = { privacy: "teams", teams: [{ slug, permissions: ["Read"] }] };
const resource = await operation(admin, "/v1/resources", "post", 201)({}, { key: "tools/refunds", access });
must(resource.value.audience === "teams", "it is for teams");
const said = await operation(admin, "/v1/resources/{key}/access", "put", 200)(
  { key: "tools/refunds" },
  { access: "entire-organization" },
);
must(said.value.warnings.length === 0, "nothing is wrong with it");
const answer = await operation(live, "/v1/access/check", "post", 200)(
  {},
  { resource: "tools/refunds", permission: "Read", user: owner.email },
);
must(answer.value.allowed, answer.value.via);

// A refusal is a problem, with a type that never changes.
const refused = await call(live, "GET", "/v1/users");
const problem: Problem = refused.json;
must(refused.answer.status === 403 && problem.type === "urn:interlock:problem:wrong-key", problem.detail);

const audit = await operation(admin, "/v1/audit", "get", 200)({});
const row = audit.value.data.find((row) => row.kind === "member.role_changed");
must(row?.changes["by_key"]?.new?.includes("il_admin_") === true, "the row names the key");

console.log("the client is served");
