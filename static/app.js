// Interlock: the whole of our own script. Loaded in <head> so the theme is set before first paint.
(function () {
  "use strict";
  var root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  function theme() {
    var want = root.dataset.theme || "system"; // the server writes light, dark or system from the account setting
    root.classList.toggle("dark", want === "dark" || (want === "system" && dark.matches));
  }
  theme();
  dark.addEventListener("change", theme);

  // A new account begins in the time zone of its browser. Without one, or without script, it is UTC.
  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("input[data-time-zone]").forEach(function (input) {
      input.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
    });
  });

  // A menu closes when one of its entries is taken, and gives the focus back to its button.
  document.addEventListener("htmx:beforeRequest", function (e) {
    var menu = e.target.closest(".menu:popover-open");
    if (menu) menu.hidePopover();
  });
  // A dialog that arrives from the server opens as a modal, once.
  document.addEventListener("htmx:afterSwap", function () {
    document.querySelectorAll("dialog[data-show]").forEach(function (d) {
      d.removeAttribute("data-show");
      d.showModal();
    });
  });
  // The server answers HX-Trigger: close-dialog when the work in a dialog is done.
  document.addEventListener("close-dialog", function () {
    document.querySelectorAll("dialog[open]").forEach(function (d) { d.close(); });
  });

  // A request that fails keeps the page as it was and says so. The server's own refusal comes with
  // its reason, which htmx puts among the toasts; without an answer the page says so itself.
  function undo(e) {
    var form = e.detail && e.detail.elt;
    if (form && form.matches("form[data-undo]")) form.reset(); // an inline change goes back to what the server last said
  }
  // It is saved by its button, which is there once there is something to save: a choice made by arrow keys
  // passes others on its way.
  root.classList.add("scripted");
  function changed(form) {
    form.toggleAttribute("data-changed", Array.from(form.querySelectorAll("option")).some(function (o) {
      return o.selected !== o.defaultSelected;
    }));
  }
  document.addEventListener("change", function (e) {
    var form = e.target.closest("form[data-undo]");
    if (form) changed(form);
  });
  document.addEventListener("reset", function (e) {
    if (e.target.matches("form[data-undo]")) setTimeout(changed, 0, e.target);
  });
  // The button goes with the row that it is in: the focus stays at what was changed.
  document.addEventListener("submit", function (e) {
    var select = e.target.matches("form[data-undo]") && e.target.querySelector("select");
    if (select) select.focus();
  });
  function unanswered(e) {
    undo(e);
    var t = document.getElementById("toast-error"), box = document.getElementById("toasts");
    if (t && box) box.prepend(t.content.cloneNode(true));
  }
  document.addEventListener("htmx:responseError", undo);
  document.addEventListener("htmx:sendError", unanswered);
  document.addEventListener("htmx:timeout", unanswered);

  // Good news leaves by itself (see "leave" in the CSS); errors stay until dismissed.
  document.addEventListener("animationend", function (e) {
    if (e.animationName === "leave") e.target.remove();
  });

  document.addEventListener("click", function (e) {
    var t = e.target.closest("[data-copy]");
    if (t) {
      navigator.clipboard.writeText(t.dataset.copy).then(function () {
        var say = t.querySelector(".sr-only");
        if (say) say.textContent = "Copied";
        t.classList.add("copied");
      });
    }
    var x = e.target.closest("[data-dismiss]");
    if (x) x.closest(".toast-card").remove();
    // Browsers without invoker commands still open and close dialogs.
    var c = e.target.closest("button[commandfor]");
    if (c && !("commandForElement" in HTMLButtonElement.prototype)) {
      var d = document.getElementById(c.getAttribute("commandfor"));
      if (d) c.getAttribute("command") === "close" ? d.close() : d.showModal();
    }
  });
  // One shortcut: "/" goes to the search box of the page.
  document.addEventListener("keydown", function (e) {
    if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName)) return;
    var s = document.querySelector("main input[type=search]");
    if (s) { e.preventDefault(); s.focus(); }
  });
})();
