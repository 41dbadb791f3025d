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

  // Passkeys. A form that takes one asks the server for a challenge, has the browser answer it, and then goes
  // its plain way with the answer in its fields. What needs them is hidden until the browser is known to have them.
  var waiting; // the autofill of the sign-in page: a browser does one of these at a time
  function bytes(text) { // base64url, as in the JSON forms of Web Authentication
    return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), function (c) { return c.charCodeAt(0); });
  }
  function text(buffer) {
    var s = "";
    new Uint8Array(buffer).forEach(function (b) { s += String.fromCharCode(b); });
    return btoa(s).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }
  function read(options, create) { // browsers of before 2025 don't read the JSON form themselves
    var its = window.PublicKeyCredential, name = create ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
    if (its[name]) return its[name](options);
    var list = create ? "excludeCredentials" : "allowCredentials";
    options.challenge = bytes(options.challenge);
    if (create) options.user.id = bytes(options.user.id);
    (options[list] || []).forEach(function (c) { c.id = bytes(c.id); });
    return options;
  }
  function written(c) {
    if (c.toJSON) return JSON.stringify(c.toJSON());
    var response = {};
    ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"].forEach(function (name) {
      if (c.response[name]) response[name] = text(c.response[name]);
    });
    return JSON.stringify({ id: c.id, rawId: text(c.rawId), type: c.type, response: response, clientExtensionResults: {} });
  }
  function answer(form, more) {
    var create = form.dataset.passkey === "create", challenge;
    var ask = { method: "POST", headers: { Accept: "application/json", "Content-Type": "application/x-www-form-urlencoded" }, body: "", signal: more.signal };
    return fetch(form.dataset.challenges, ask).then(function (r) {
      if (r.status === 401) { location.reload(); return new Promise(function () {}); } // signed out meanwhile
      return r.json().then(function (json) {
        if (!r.ok) throw { said: json.detail };
        challenge = json.challenge;
        more.publicKey = read(json.options, create);
        return create ? navigator.credentials.create(more) : navigator.credentials.get(more);
      });
    }).then(function (c) {
      form.elements.challenge.value = challenge;
      form.elements.credential.value = written(c);
      form.submit();
    });
  }
  function why(e, create) {
    if (e.said) return e.said;
    if (e.name === "NotAllowedError") return create ? "No passkey was made: that was cancelled, or took too long. Try again." : "No passkey was used: that was cancelled, or took too long. Try again, or choose another way.";
    if (e.name === "InvalidStateError") return "This device has a passkey for your account already.";
    if (e.name === "TypeError" || e.name === "SyntaxError") return "That did not work. Check your connection and try again.";
    return create ? "This browser could not make a passkey here. Try another device." : "This browser could not use a passkey here. Choose another way.";
  }
  document.addEventListener("submit", function (e) {
    var form = e.target;
    if (!form.dataset.passkey) return;
    e.preventDefault();
    if (waiting) { waiting.abort(); waiting = null; }
    var problem = form.querySelector("[data-problem]"), button = form.querySelector("button");
    problem.hidden = true;
    button.disabled = true;
    answer(form, {}).catch(function (error) {
      button.disabled = false;
      problem.querySelector("span").textContent = why(error, form.dataset.passkey === "create");
      problem.hidden = false;
      if ("autofill" in form.dataset) offer(form);
    });
  });
  // On the sign-in page the browser offers passkeys among the saved addresses. That fails in silence: the button says why.
  function offer(form) {
    if (waiting) waiting.abort();
    waiting = new AbortController();
    var since = Date.now();
    answer(form, { mediation: "conditional", signal: waiting.signal }).catch(function () {});
    // A challenge lives for five minutes: whoever comes back to the page later gets another.
    document.addEventListener("visibilitychange", function again() {
      if (document.hidden || Date.now() - since < 240000) return;
      document.removeEventListener("visibilitychange", again);
      if (waiting) offer(form);
    });
  }
  document.addEventListener("DOMContentLoaded", function () {
    var its = window.PublicKeyCredential;
    if (!its) return;
    document.querySelectorAll("[data-needs-passkeys]").forEach(function (e) {
      e.hidden = false;
      if (e.autofocus) e.focus();
    });
    document.querySelectorAll("[data-no-passkeys]").forEach(function (e) { e.hidden = true; });
    var form = document.querySelector("form[data-autofill]");
    if (form && its.isConditionalMediationAvailable) its.isConditionalMediationAvailable().then(function (can) { if (can && !waiting) offer(form); });
  });

  // A menu closes when one of its entries is taken, and gives the focus back to its button.
  document.addEventListener("htmx:beforeRequest", function (e) {
    var menu = e.target.closest(".menu:popover-open");
    if (menu) menu.hidePopover();
  });
  // The menu of a row comes from the server when its button is pressed, and opens there. Pressed once more, the
  // button closes it. A pointer has closed it by the time of the click: what it was pressed on is noted before.
  var openedBy = function (by) {
    var menu = document.getElementById(by.dataset.opens);
    return menu.matches(":popover-open") && menu.dataset.for === by.id && menu;
  };
  var closing = null;
  document.addEventListener("pointerdown", function (e) {
    var by = e.target.closest("[data-opens]");
    closing = by && openedBy(by) ? by : null;
  }, true);
  document.addEventListener("keydown", function () { closing = null; }, true);
  document.addEventListener("toggle", function (e) {
    var by = document.getElementById(e.target.dataset.for || "");
    if (by) by.setAttribute("aria-expanded", e.newState === "open");
  }, true);
  document.addEventListener("htmx:beforeRequest", function (e) {
    if (!e.target.dataset.opens) return;
    var menu = openedBy(e.target);
    if (menu) menu.hidePopover();
    if (menu || closing === e.target) e.preventDefault();
    closing = null;
  });
  document.addEventListener("htmx:afterSwap", function (e) {
    var by = e.detail.requestConfig.elt, menu = by.isConnected && document.getElementById(by.dataset.opens || "");
    if (!menu || menu.matches(":popover-open")) return;
    by.focus(); // it gets the focus back when the menu closes, wherever that went meanwhile
    menu.showPopover({ source: by });
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
    if (e.target.closest("[data-print]")) window.print();
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
