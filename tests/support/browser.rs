//! A real Chromium, driven the way a person uses it: by the names and texts on the page.
//!
//! Controls are looked up in the browser's accessibility tree, so a control that assistive
//! software cannot name, that is hidden, or that lies behind an open modal dialog is not found.
//! Every method waits for what it needs, and panics with the address and the text of the page if
//! it does not come.

use std::fmt::Display;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::{Element, ElementRef};
use fantoccini::error::{CmdError, ErrorStatus};
use fantoccini::key::Key;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand, WindowHandle};
use fantoccini::{Client, ClientBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

const PATIENCE: Duration = Duration::from_secs(10);
/// The driver itself would wait for a browser for ten minutes, once for each command.
const LONGEST_ANSWER: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(50);

const ARGUMENTS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1440,900",
    // Nothing outside this machine is reachable, not even by name.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE *.localhost",
];

/// Content settings of Chromium.
const ALLOW: u8 = 1;
const BLOCK: u8 = 2;

/// Roles of what takes typed text, what offers a choice, and what is pressed. Those in capitals are
/// Chromium's own, where ARIA has none.
const FIELDS: &[&str] = &[
    "textbox",
    "searchbox",
    "spinbutton",
    "slider",
    "combobox",
    "Date",
    "DateTime",
    "InputTime",
    "ColorWell",
];
const CHOICES: &[&str] = &["combobox", "listbox"];
const PRESSABLE: &[&str] = &[
    "button",
    "link",
    "checkbox",
    "radio",
    "switch",
    "tab",
    "option",
    "menuitem",
    "menuitemcheckbox",
    "menuitemradio",
    "DisclosureTriangle",
    "DisclosureTriangleGrouped",
];

/// Tries until it works. Attempts say why they did not. (A function taking an async closure could
/// not be awaited in a spawned task.)
macro_rules! eventually {
    ($browser:expr, $what:expr, $attempt:block) => {{
        let deadline = Instant::now() + PATIENCE;
        loop {
            let result: Result<_, String> = async { $attempt }.await;
            match result {
                Ok(value) => break value,
                Err(reason) if Instant::now() >= deadline => {
                    $browser.fail(&format!("{}: {reason}", $what)).await
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }};
}

/// One way a page is looked at.
struct Look {
    device: &'static str,
    width: u32,
    height: u32,
    mobile: bool,
    scheme: &'static str,
    /// Whether axe-core looks too. Two of the four are enough: each device and each scheme once.
    axe: bool,
}

/// Pictures are for people, and take longer than all that is judged of a page.
fn pictures_are_asked_for() -> bool {
    std::env::var_os("TEST_PICTURES").is_some()
}

const fn desktop(scheme: &'static str, axe: bool) -> Look {
    Look { device: "desktop", width: 1440, height: 900, mobile: false, scheme, axe }
}

const fn phone(scheme: &'static str, axe: bool) -> Look {
    Look { device: "phone", width: 390, height: 844, mobile: true, scheme, axe }
}

const LOOKS: [Look; 4] =
    [desktop("light", true), desktop("dark", false), phone("light", false), phone("dark", true)];

/// One browser with a profile of its own: two values share no cookies. Ends when dropped.
pub struct Browser {
    client: Client,
    driver: Url,
    session: String,
    profile: PathBuf,
    scripts: bool,
}

impl Browser {
    pub async fn start() -> Self {
        Self::start_with(true).await
    }

    /// A browser whose owner has switched JavaScript off. Everything here works in it as well,
    /// except for [`Browser::look`].
    pub async fn start_without_javascript() -> Self {
        Self::start_with(false).await
    }

    async fn start_with(scripts: bool) -> Self {
        let driver = std::env::var("TEST_WEBDRIVER_URL").unwrap_or_else(|_| {
            panic!("TEST_WEBDRIVER_URL is not set: run the tests with tests/run");
        });
        let profile = fresh_profile();
        let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.display()));
        let javascript = if scripts { ALLOW } else { BLOCK };
        let preferences = json!({ "profile.managed_default_content_settings.javascript": javascript });
        let capabilities: Capabilities = [
            ("browserName".to_owned(), json!("chrome")),
            ("goog:chromeOptions".to_owned(), json!({ "args": arguments, "prefs": preferences })),
            ("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" })),
            ("timeouts".to_owned(), json!({ "pageLoad": 30_000 })),
        ]
        .into_iter()
        .collect();
        // Whatever a browser hangs in ends in a failure that says where, and not in a run that never ends.
        let mut connector = TimeoutConnector::new(HttpConnector::new());
        connector.set_read_timeout(Some(LONGEST_ANSWER));
        let client = ClientBuilder::new(connector)
            .capabilities(capabilities)
            .connect(&driver)
            .await
            .unwrap_or_else(|e| panic!("no browser from the driver at {driver}: {e}"));
        // The session is ended by `drop`, which also runs when a test fails.
        client.persist().await.expect("the driver answers");
        let session =
            client.session_id().await.expect("the driver answers").expect("a new session has an id");
        let driver = Url::parse(&driver).expect("TEST_WEBDRIVER_URL is a URL");
        Self { client, driver, session, profile, scripts }
    }

    pub async fn goto(&self, url: &str) {
        let result = self.client.goto(url).await;
        self.must(&format!("opening {url}"), result).await;
    }

    /// Replaces what is in the field with this visible label.
    pub async fn fill(&self, label: &str, value: &str) {
        const PREPARE: &str = "
            const [field, value] = arguments;
            if (![...(field.labels ?? [])].some((label) => label.checkVisibility()))
                return 'has no visible label';
            if (field.localName === 'select') return 'is a choice, not a text field';
            if (field.disabled || field.readOnly) return 'cannot be edited';
            // What the keyboard enters into these depends on the language of the browser.
            const picked = ['color', 'date', 'datetime-local', 'month', 'range', 'time', 'week'];
            if (!picked.includes(field.type)) return field.value === '' ? 'type' : 'clear';
            field.value = value;
            field.dispatchEvent(new Event('input', { bubbles: true }));
            field.dispatchEvent(new Event('change', { bubbles: true }));
            return 'done';";

        let what = format!("filling in “{label}”");
        eventually!(self, what, {
            let field = self.find(FIELDS, label, None).await?;
            let arguments = vec![json!(field), json!(value)];
            let prepared = self.client.execute(PREPARE, arguments).await;
            match prepared.map_err(problem)?.as_str() {
                Some("done") => return Ok(()),
                Some("type") => {}
                Some("clear") => field.clear().await.map_err(problem)?,
                other => return Err(format!("it {}", other.unwrap_or_default())),
            }
            field.send_keys(value).await.map_err(problem)
        });
    }

    /// Chooses the option with this text or value in the list with this name.
    pub async fn select(&self, name: &str, option: &str) {
        const OPTION: &str = "
            const [list, wanted] = arguments;
            const options = [...(list.options ?? [])].filter((option) => !option.disabled);
            return options.find((option) => option.label.trim() === wanted)
                ?? options.find((option) => option.value === wanted)
                ?? options.map((option) => option.label.trim()).join('”, “');";

        let what = format!("choosing “{option}” in “{name}”");
        eventually!(self, what, {
            let list = self.find(CHOICES, name, None).await?;
            let arguments = vec![json!(list), json!(option)];
            let found = self.client.execute(OPTION, arguments).await;
            match self.element(found.map_err(problem)?) {
                Ok(option) => option.click().await.map_err(problem),
                Err(options) => Err(format!("its options are “{options}”")),
            }
        });
    }

    /// Presses the button, link, checkbox or the like with this name. There must be only one, or
    /// only links to the same place.
    pub async fn press(&self, name: &str) {
        self.press_one(name, None).await;
    }

    /// Like [`Browser::press`], for a name that occurs several times: presses the one nearest to
    /// this text, such as the “Remove” in the row of one person.
    pub async fn press_near(&self, text: &str, name: &str) {
        self.press_one(name, Some(text)).await;
    }

    async fn press_one(&self, name: &str, near: Option<&str>) {
        let what = format!("pressing “{name}”");
        eventually!(self, what, {
            let target = self.find(PRESSABLE, name, near).await?;
            match target.click().await {
                Ok(()) => Ok(()),
                // Not pressed yet: the page was changing, or something lay above it.
                Err(e) if is_passing(&e) => Err(problem(e)),
                // It may have been pressed. Pressing again could do a thing twice.
                Err(e) => self.fail(&format!("{what}: {e}")).await,
            }
        });
    }

    /// Presses a key or a combination on the focused element: `Escape`, `Tab`, `Shift+Tab`, `a`.
    pub async fn press_key(&self, keys: &str) {
        let keys: Vec<char> = keys.split('+').map(key).collect();
        let down = keys.iter().map(|&value| KeyAction::Down { value });
        let up = keys.iter().rev().map(|&value| KeyAction::Up { value });
        let actions = down
            .chain(up)
            .fold(KeyActions::new("keyboard".to_owned()), |actions, action| actions.then(action));
        let result = self.client.perform_actions(actions).await;
        self.must("pressing a key", result).await;
    }

    /// Waits until the visible text of the page contains this. White space counts as one space.
    pub async fn see(&self, text: &str) {
        let what = format!("looking for “{text}”");
        eventually!(self, what, {
            let seen = self.text().await?.contains(&squash(text));
            seen.then_some(()).ok_or_else(|| "not seen".to_owned())
        });
    }

    /// The visible text of the one element that a selector names.
    pub async fn text_of(&self, selector: &str) -> String {
        eventually!(self, format!("reading {selector}"), {
            let found = self.client.find(fantoccini::Locator::Css(selector)).await.map_err(problem)?;
            found.text().await.map_err(problem)
        })
    }

    /// Types into the one field that a selector names, on a page of others that labels none.
    pub async fn type_into(&self, selector: &str, value: &str) {
        eventually!(self, format!("typing into {selector}"), {
            let field = self.client.find(fantoccini::Locator::Css(selector)).await.map_err(problem)?;
            field.clear().await.map_err(problem)?;
            field.send_keys(value).await.map_err(problem)
        });
    }

    /// Waits until the page is loaded and its visible text does not contain this.
    pub async fn see_not(&self, text: &str) {
        let what = format!("looking for the absence of “{text}”");
        eventually!(self, what, {
            let state = self.client.execute("return document.readyState", vec![]);
            if state.await.map_err(problem)? != "complete" {
                return Err("the page is not loaded".to_owned());
            }
            let gone = !self.text().await?.contains(&squash(text));
            gone.then_some(()).ok_or_else(|| "still seen".to_owned())
        });
    }

    /// Waits until the address ends with this: `/o/halden-freight/users?q=ann`.
    pub async fn arrive(&self, ending: &str) {
        eventually!(self, format!("waiting for the address …{ending}"), {
            let url = self.client.current_url().await.map_err(problem)?;
            url.as_str().ends_with(ending).then_some(()).ok_or_else(|| format!("it is {url}"))
        });
    }

    /// Makes the window as wide and as high as this, in pixels.
    pub async fn resize(&self, width: u32, height: u32) {
        let result = self.client.set_window_size(width, height).await;
        self.must("resizing the window", result).await;
    }

    /// Opens another tab, which shares the cookies, and turns to it. Gives the tabs: the old one, the new.
    pub async fn open_tab(&self) -> (WindowHandle, WindowHandle) {
        let old = self.must("asking for the tab", self.client.window().await).await;
        let new = self.must("opening a tab", self.client.new_window(true).await).await.handle;
        self.turn_to(&new).await;
        (old, new)
    }

    pub async fn turn_to(&self, tab: &WindowHandle) {
        let result = self.client.switch_to_window(tab.clone()).await;
        self.must("turning to a tab", result).await;
    }

    /// Turns to the tab that a link has just opened.
    pub async fn turn_to_opened_tab(&self) {
        let old = self.must("asking for the tab", self.client.window().await).await;
        eventually!(self, "waiting for a new tab".to_owned(), {
            let tabs = self.client.windows().await.map_err(problem)?;
            match tabs.into_iter().find(|tab| *tab != old) {
                Some(new) => self.client.switch_to_window(new).await.map_err(problem),
                None => Err("there is none".to_owned()),
            }
        });
    }

    /// The browser's own “Back”.
    pub async fn back(&self) {
        let result = self.client.back().await;
        self.must("going back", result).await;
    }

    /// The accessible name of what has the keyboard's focus; empty if nothing has.
    pub async fn focused(&self) -> String {
        const NAME: &str = "
            const e = document.activeElement;
            if (!e || e === document.body) return '';
            const label = e.getAttribute('aria-label') ?? e.labels?.[0]?.innerText ?? e.innerText;
            return label.replace(/\\s+/g, ' ').trim();";

        let name = self.client.execute(NAME, vec![]).await;
        self.must("looking for the focus", name).await.as_str().unwrap_or_default().to_owned()
    }

    /// Types into whatever has the keyboard's focus.
    pub async fn type_text(&self, text: &str) {
        for character in text.chars() {
            let character = if character == ' ' { "Space".to_owned() } else { character.to_string() };
            self.press_key(&character).await;
        }
    }

    /// Writes `target/screenshots/{name}-{desktop,phone}-{light,dark}.png`, where pictures are asked for.
    pub async fn screenshot(&self, name: &str) {
        if !pictures_are_asked_for() {
            return;
        }
        for look in &LOOKS {
            self.put_on(look).await;
            self.take_picture(name, look).await;
        }
        self.take_off().await;
    }

    /// The same pictures. Panics if axe-core finds a violation of WCAG 2.2 AA or of its best
    /// practices on either device or in either colour scheme, or if the page scrolls sideways.
    pub async fn look(&self, name: &str) {
        assert!(self.scripts, "axe-core is a script: it needs a browser with JavaScript");
        let mut found = Vec::new();
        for look in LOOKS.iter().filter(|look| look.axe || pictures_are_asked_for()) {
            self.put_on(look).await;
            if pictures_are_asked_for() {
                self.take_picture(name, look).await;
            }
            let problems = if look.axe { self.problems().await } else { Vec::new() };
            found.extend(
                problems.into_iter().map(|problem| format!("{} {}: {problem}", look.device, look.scheme)),
            );
        }
        self.take_off().await;
        if !found.is_empty() {
            let found = found.join("\n");
            self.fail(&format!("accessibility violations in {name}:\n{found}")).await;
        }
    }

    /// From now on the browser has a device that keeps passkeys, whose owner is there and agrees to all.
    pub async fn have_passkeys(&self) -> PasskeyDevice {
        let device = json!({
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserVerified": true,
            "isUserConsenting": true,
        });
        let command = Command("webauthn/authenticator".to_owned(), device);
        let id = self.must("adding a device", self.client.issue_cmd(command).await).await;
        PasskeyDevice(id.as_str().expect("a device has an id").to_owned())
    }

    /// Has the page offer passkeys no more by itself, among the saved addresses: only by their button.
    pub async fn offer_no_passkeys(&self) {
        const SCRIPT: &str = "delete document.querySelector('form[data-autofill]').dataset.autofill";
        self.client.execute(SCRIPT, vec![]).await.expect("the page offers passkeys by itself");
    }

    /// Whether the device knows its owner again.
    pub async fn recognize(&self, device: &PasskeyDevice, recognizes: bool) {
        let PasskeyDevice(id) = device;
        let command =
            Command(format!("webauthn/authenticator/{id}/uv"), json!({ "isUserVerified": recognizes }));
        let result = self.client.issue_cmd(command).await;
        self.must("telling the device", result).await;
    }

    /// How the page is wider than its screen, on a desktop and on a phone; nothing where it is not.
    pub async fn sideways(&self) -> Vec<String> {
        let mut found = Vec::new();
        for look in LOOKS.iter().filter(|look| look.scheme == "light") {
            self.put_on(look).await;
            found.extend(self.overflow().await.map(|how| format!("{}: {how}", look.device)));
        }
        self.take_off().await;
        found
    }

    /// Errors in the browser's console since the last call: scripts that failed, what the content
    /// security policy forbade, and every response with an error status.
    pub async fn console_errors(&self) -> Vec<String> {
        let command = Command("se/log".to_owned(), json!({ "type": "browser" }));
        let result = self.client.issue_cmd(command).await;
        let log = self.must("reading the console", result).await;
        let entries = log.as_array().expect("the log is a list");
        entries
            .iter()
            .filter(|entry| entry["level"] == "SEVERE")
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    // --- How it is done ---

    async fn must<T>(&self, what: &str, result: Result<T, CmdError>) -> T {
        match result {
            Ok(value) => value,
            Err(e) => self.fail(&format!("{what}: {e}")).await,
        }
    }

    /// Panics with what went wrong, and with the page it went wrong on.
    async fn fail(&self, what: &str) -> ! {
        let url = match self.client.current_url().await {
            Ok(url) => url.to_string(),
            Err(e) => e.to_string(),
        };
        let text = match self.client.execute(TEXT, vec![]).await {
            Ok(text) => text.as_str().unwrap_or_default().to_owned(),
            Err(e) => e.to_string(),
        };
        panic!("{what}\n--- the page is {url}\n{text}\n---");
    }

    async fn text(&self) -> Result<String, String> {
        let text = self.client.execute(TEXT, vec![]).await.map_err(problem)?;
        Ok(squash(text.as_str().unwrap_or_default()))
    }

    /// The one element of these roles with this accessible name.
    async fn find(&self, roles: &[&str], name: &str, near: Option<&str>) -> Result<Element, String> {
        // Chooses among the elements collected below, and takes them off the page's globals.
        const CHOOSE: &str = "
            const [near] = arguments;
            let found = window.foundByTest;
            delete window.foundByTest;
            if (near !== null) {
                const text = (node) => node.innerText.replace(/\\s+/g, ' ');
                const steps = found.map((element) => {
                    let steps = 0;
                    for (let node = element; node; node = node.parentElement, steps++)
                        if (text(node).includes(near)) return steps;
                    return Infinity;
                });
                const least = Math.min(...steps);
                if (least === Infinity) return `nothing near it says “${near}”`;
                found = found.filter((_, index) => steps[index] === least);
            }
            const alike = found.every((element) => element.href && element.href === found[0].href);
            if (found.length === 1 || alike) return found[0];
            return `${found.length} of them have this name`;";

        let name = squash(name);
        let document = self.devtools("DOM.getDocument", json!({ "depth": 0 })).await.map_err(problem)?;
        let tree = self
            .devtools("Accessibility.queryAXTree", json!({ "nodeId": document["root"]["nodeId"] }))
            .await
            .map_err(problem)?;
        let mut others = Vec::new();
        let mut found = 0;
        for node in tree["nodes"].as_array().into_iter().flatten() {
            let role = node["role"]["value"].as_str().unwrap_or_default();
            if node["ignored"] == true || !roles.contains(&role) {
                continue;
            }
            let its_name = squash(node["name"]["value"].as_str().unwrap_or_default());
            if its_name != name {
                others.push(its_name);
            } else if is_disabled(node) {
                others.push(format!("{its_name} (disabled)"));
            } else {
                self.collect(&node["backendDOMNodeId"]).await.map_err(problem)?;
                found += 1;
            }
        }
        if found == 0 {
            return Err(format!("there is none; there are “{}”", others.join("”, “")));
        }
        let near = json!(near.map(squash));
        let chosen = self.client.execute(CHOOSE, vec![near]).await;
        self.element(chosen.map_err(problem)?)
    }

    /// Adds a node of the accessibility tree to `window.foundByTest`, where the driver's own
    /// scripts can see it: DevTools and WebDriver have different ids for the same element.
    async fn collect(&self, node: &Value) -> Result<(), CmdError> {
        let node = self.devtools("DOM.resolveNode", json!({ "backendNodeId": node })).await?;
        let add = "function () { (window.foundByTest ??= []).push(this); }";
        self.devtools(
            "Runtime.callFunctionOn",
            json!({ "objectId": node["object"]["objectId"], "functionDeclaration": add }),
        )
        .await?;
        Ok(())
    }

    /// What a script returned: an element, or a text that says why there is none.
    fn element(&self, value: Value) -> Result<Element, String> {
        // The key is fixed by the WebDriver standard.
        match value["element-6066-11e4-a52e-4f735466cecf"].as_str() {
            Some(id) => {
                let id = ElementRef::from(id.to_owned());
                Ok(Element::from_element_id(self.client.clone(), id))
            }
            None => Err(value.as_str().unwrap_or("is gone").to_owned()),
        }
    }

    async fn take_picture(&self, name: &str, look: &Look) {
        let command = "Page.captureScreenshot";
        let result = self.devtools(command, json!({ "format": "png" })).await;
        let image = self.must(command, result).await;
        let image = STANDARD.decode(image["data"].as_str().unwrap_or_default());
        let image = image.expect("the driver sends Base64");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        tokio::fs::create_dir_all(&folder).await.expect("the folder for screenshots can be created");
        let file = folder.join(format!("{name}-{}-{}.png", look.device, look.scheme));
        tokio::fs::write(&file, image)
            .await
            .unwrap_or_else(|e| panic!("{} could not be written: {e}", file.display()));
    }

    /// What axe-core says about the page, and whether it is wider than its window.
    async fn problems(&self) -> Vec<String> {
        const RUN: &str = "
            axe.run(document, {
                runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
                resultTypes: ['violations'],
                // Reading style sheets again would break the page's content security policy.
                preload: false,
            }).then(({ violations }) => violations.map(({ id, help, nodes }) => id + ': ' + help
                + nodes.map((node) => '\\n    ' + node.html + '\\n        '
                    + node.failureSummary.replaceAll('\\n', '\\n        ')).join('')))";

        let loaded = self.client.execute("return 'axe' in window", vec![]).await;
        if self.must("looking for axe", loaded).await != true {
            self.evaluate(&format!("{};undefined", axe_source().await)).await;
        }
        let violations = self.evaluate(RUN).await;
        let violations = violations.as_array().expect("axe lists violations");
        let violations = violations.iter().filter_map(|problem| problem.as_str().map(str::to_owned));
        violations.chain(self.overflow().await).collect()
    }

    /// Whether the page is wider than its window, and what reaches furthest.
    async fn overflow(&self) -> Option<String> {
        const OVERFLOW: &str = "
            const root = document.documentElement;
            const boxes = [...document.querySelectorAll('body *')].map((e) => [e, e.getBoundingClientRect().right]);
            const [widest] = boxes.sort(([, a], [, b]) => b - a)[0];
            return root.scrollWidth > root.clientWidth
                ? `the page is ${root.scrollWidth} wide: ${widest.outerHTML.slice(0, 200)}` : null;";

        let overflow = self.client.execute(OVERFLOW, vec![]).await;
        self.must("measuring the page", overflow).await.as_str().map(str::to_owned)
    }

    /// Shows the page on this device in this colour scheme, and waits until it has settled.
    async fn put_on(&self, look: &Look) {
        const SETTLED: &str = "
            // One without end never settles, and one that has not begun moves nothing yet.
            const moves = ({ playState, effect }) => {
                const { endTime, progress } = effect?.getComputedTiming() ?? {};
                return playState === 'running' && endTime !== Infinity && progress !== null;
            };
            return document.readyState === 'complete' && !document.getAnimations().some(moves);";

        let size = json!({
            "width": look.width,
            "height": look.height,
            "deviceScaleFactor": 1,
            "mobile": look.mobile,
        });
        let command = "Emulation.setDeviceMetricsOverride";
        let result = self.devtools(command, size).await;
        self.must(command, result).await;
        self.emulate_touch(look.mobile).await;
        self.emulate_media(json!([
            { "name": "prefers-color-scheme", "value": look.scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]))
        .await;
        eventually!(self, "waiting for the page to settle", {
            let settled = self.client.execute(SETTLED, vec![]).await;
            let settled = settled.map_err(problem)? == true;
            settled.then_some(()).ok_or_else(|| "it moves".to_owned())
        });
    }

    async fn take_off(&self) {
        let command = "Emulation.clearDeviceMetricsOverride";
        let result = self.devtools(command, json!({})).await;
        self.must(command, result).await;
        self.emulate_touch(false).await;
        self.emulate_media(json!([])).await;
    }

    /// From now on the browser says that it is in this time zone.
    pub async fn be_in(&self, time_zone: &str) {
        let command = "Emulation.setTimezoneOverride";
        let result = self.devtools(command, json!({ "timezoneId": time_zone })).await;
        self.must(command, result).await;
    }

    async fn emulate_touch(&self, enabled: bool) {
        let command = "Emulation.setTouchEmulationEnabled";
        let result = self.devtools(command, json!({ "enabled": enabled })).await;
        self.must(command, result).await;
    }

    async fn emulate_media(&self, features: Value) {
        let command = "Emulation.setEmulatedMedia";
        let result = self.devtools(command, json!({ "features": features }));
        self.must(command, result.await).await;
    }

    /// Runs a script past the page's content security policy and waits for what it promises.
    async fn evaluate(&self, script: &str) -> Value {
        let parameters = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let result = self.devtools("Runtime.evaluate", parameters).await;
        let mut result = self.must("running a script", result).await;
        if let Some(exception) = result.get("exceptionDetails") {
            self.fail(&format!("a script failed: {exception}")).await;
        }
        result["result"]["value"].take()
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Result<Value, CmdError> {
        let body = json!({ "cmd": command, "params": parameters });
        self.client.issue_cmd(Command("goog/cdp/execute".to_owned(), body)).await
    }
}

impl Drop for Browser {
    /// Ends the session with a request of its own: a failing test takes its runtime down, and
    /// `Client` needs one.
    fn drop(&mut self) {
        let host = self.driver.host_str().unwrap_or_default();
        let port = self.driver.port_or_known_default().unwrap_or_default();
        let request = format!(
            "DELETE /session/{} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n",
            self.session
        );
        let ended = TcpStream::connect((host, port)).and_then(|mut driver| {
            driver.set_read_timeout(Some(PATIENCE))?;
            driver.write_all(request.as_bytes())?;
            // The answer comes when the browser has ended and its profile is no longer in use.
            // The driver keeps the connection open all the same, so there is no end to wait for.
            driver.read(&mut [0; 512])
        });
        if let Err(e) = ended {
            eprintln!("a browser could not be ended: {e}");
        }
        // What cannot be removed is left to the operating system, as any temporary file.
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

const TEXT: &str = "return document.body?.innerText ?? ''";

/// A device that a browser was given.
pub struct PasskeyDevice(String);

/// A WebDriver command of the current session that fantoccini does not know.
#[derive(Debug)]
struct Command(String, Value);

impl WebDriverCompatibleCommand for Command {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.0))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.1.to_string()))
    }
}

async fn axe_source() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/node_modules/axe-core/axe.min.js");
    tokio::fs::read_to_string(&file).await.unwrap_or_else(|e| {
        let file = file.display();
        panic!("{file}: {e}: run the tests with tests/run")
    })
}

/// Whether an element was not pressed, and may well be in a moment.
fn is_passing(e: &CmdError) -> bool {
    e.is_stale_element_reference()
        || e.is_no_such_element()
        || e.is_element_not_interactable()
        || matches!(e, CmdError::Standard(e) if e.error == ErrorStatus::ElementClickIntercepted)
}

fn is_disabled(node: &Value) -> bool {
    let properties = node["properties"].as_array().into_iter().flatten();
    properties
        .filter(|property| property["name"] == "disabled")
        .any(|property| property["value"]["value"] == true)
}

fn key(name: &str) -> char {
    let key = match name {
        "Alt" => Key::Alt,
        "Backspace" => Key::Backspace,
        "Control" => Key::Control,
        "Delete" => Key::Delete,
        "Down" => Key::Down,
        "End" => Key::End,
        "Enter" => Key::Enter,
        "Escape" => Key::Escape,
        "Home" => Key::Home,
        "Left" => Key::Left,
        "PageDown" => Key::PageDown,
        "PageUp" => Key::PageUp,
        "Right" => Key::Right,
        "Shift" => Key::Shift,
        "Space" => return ' ',
        "Tab" => Key::Tab,
        "Up" => Key::Up,
        _ => {
            let mut characters = name.chars();
            return match (characters.next(), characters.next()) {
                (Some(character), None) => character,
                _ => panic!("“{name}” is not the name of a key"),
            };
        }
    };
    key.into()
}

fn problem(e: impl Display) -> String {
    e.to_string()
}

fn squash(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An empty directory for one browser's profile.
fn fresh_profile() -> PathBuf {
    static CREATED: AtomicU32 = AtomicU32::new(0);
    let count = CREATED.fetch_add(1, Ordering::Relaxed);
    let name = format!("interlock-browser-{}-{count}", std::process::id());
    let path = std::env::temp_dir().join(name);
    // An earlier process may have had the same id.
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap_or_else(|e| panic!("{} could not be created: {e}", path.display()));
    path
}
