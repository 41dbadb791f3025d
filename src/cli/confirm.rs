//! Asking before something that is hard to undo.

use std::io::{self, BufRead, IsTerminal, Write};

use super::{Failure, Result};

/// Goes on if `given`, which an option said beforehand, is what has to be typed, or if a person at a
/// terminal types it now. A script without the option is refused, and told which one it is.
pub fn ask(warning: &str, expected: &str, given: Option<&str>, option: &str) -> Result {
    match given {
        Some(given) if given == expected => Ok(()),
        Some(given) => Err(Failure::new(format!(
            "{warning}\n{option} says {given:?}, and not {expected:?}. Nothing was done."
        ))),
        None if io::stdin().is_terminal() => {
            eprint!("{warning}\nType {expected} to go on: ");
            io::stderr().flush()?;
            typed(&mut io::stdin().lock(), expected)
        }
        None => Err(Failure::new(format!("{warning}\nGive {option} to go on. Nothing was done."))),
    }
}

fn typed(input: &mut impl BufRead, expected: &str) -> Result {
    let mut line = String::new();
    input.read_line(&mut line)?;
    if line.trim() == expected {
        Ok(())
    } else {
        Err(Failure::new(format!("That is not {expected}. Nothing was done.")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_word_goes_on() {
        assert!(typed(&mut "halden-freight\n".as_bytes(), "halden-freight").is_ok());
        for line in ["", "\n", "y\n", "halden\n", "Halden-Freight\n"] {
            assert!(typed(&mut line.as_bytes(), "halden-freight").is_err(), "{line:?}");
        }
        assert!(ask("It ends.", "acme", Some("acme"), "--yes acme").is_ok());
        assert!(ask("It ends.", "acme", Some("other"), "--yes acme").is_err());
    }
}
