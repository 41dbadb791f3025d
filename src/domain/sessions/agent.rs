//! What a browser says of itself, in words that its owner knows: "Firefox on macOS". A hint, no proof.

pub fn in_words(agent: &str) -> String {
    // Browsers name their ancestors too: the most particular name comes first.
    let browsers = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Vivaldi", "Vivaldi"),
        ("SamsungBrowser", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS", "Firefox"),
        ("CriOS", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    let systems = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("CrOS", "ChromeOS"),
        ("Windows", "Windows"),
        ("Macintosh", "macOS"),
        ("Linux", "Linux"),
    ];
    let named = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    match (named(&browsers), named(&systems)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => format!("A browser on {system}"),
        (None, None) => "An unknown browser".to_owned(),
    }
}

pub fn is_phone(agent: &str) -> bool {
    agent.contains("Mobile") || agent.contains("iPhone") || agent.contains("Android")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_by_name() {
        let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36";
        assert_eq!(in_words(chrome), "Chrome on Windows");
        assert_eq!(in_words(&format!("{chrome} Edg/140.0")), "Edge on Windows");
        assert_eq!(
            in_words("Mozilla/5.0 (Macintosh; Intel Mac OS X 14.1; rv:144.0) Gecko/20100101 Firefox/144.0"),
            "Firefox on macOS"
        );
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile/15E148 Safari/604.1";
        assert_eq!(in_words(phone), "Safari on iPhone");
        assert!(is_phone(phone) && !is_phone(chrome));
        assert_eq!(in_words(""), "An unknown browser");
    }
}
