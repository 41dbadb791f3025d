//! What a permission is about: `type:segment(.segment)*`, where the whole last segment may be `*` (L4). The grammar is
//! closed: anything else is refused on writing, and never matches if it is planted.

use std::fmt;
use std::str::FromStr;

/// What a scope gives access to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScopeType {
    Source,
    Task,
    Data,
    File,
}

impl ScopeType {
    pub const ALL: [ScopeType; 4] = [ScopeType::Source, ScopeType::Task, ScopeType::Data, ScopeType::File];

    /// As it stands before the colon.
    pub fn code(self) -> &'static str {
        match self {
            ScopeType::Source => "source_type",
            ScopeType::Task => "task_type",
            ScopeType::Data => "data_type",
            ScopeType::File => "file_type",
        }
    }
}

/// Characters of a whole pattern, its type included.
pub const LONGEST: usize = 200;
/// Names of a scope: as many wildcards and one cover it, and each may be limited.
pub const MOST_NAMES: usize = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    #[error("A scope begins with its type and a colon: source_type:, task_type:, data_type: or file_type:.")]
    Type,
    #[error(
        "After the colon come names with dots between them: letters, digits, _ and -, as in icloud.account."
    )]
    Segment,
    #[error("A * stands for whole last names only, as in icloud.*.")]
    Wildcard,
    #[error("A question names one scope, without a *.")]
    NotOne,
    #[error("A scope has at most {LONGEST} characters.")]
    Long,
    #[error("A scope has at most {MOST_NAMES} names.")]
    Deep,
}

/// A set of scopes: one, or all that begin with the segments before the `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    kind: ScopeType,
    /// The segments with their dots, without the `*` and the dot before it.
    stem: String,
    wildcard: bool,
}

/// One scope, as a question names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Pattern);

impl Pattern {
    /// Everything of a type: `source_type:*`.
    pub fn all_of(kind: ScopeType) -> Pattern {
        Pattern { kind, stem: String::new(), wildcard: true }
    }

    pub fn kind(&self) -> ScopeType {
        self.kind
    }

    pub fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// `a:*` covers `a:b` and `a:b.c`; `a:b.*` covers `a:b.c` and `a:b.c.d`, not `a:b`, not `a:bc` (KEY-05).
    pub fn covers(&self, scope: &Scope) -> bool {
        self.contains(&scope.0)
    }

    /// Whether everything that `other` covers is covered here. No number of narrower patterns together covers a
    /// wildcard: there are always more names.
    pub fn contains(&self, other: &Pattern) -> bool {
        if self.kind != other.kind {
            return false;
        }
        if !self.wildcard {
            return self == other;
        }
        if self.stem.is_empty() {
            return true;
        }
        match other.stem.strip_prefix(self.stem.as_str()) {
            Some("") => other.wildcard,
            Some(rest) => rest.starts_with('.'),
            None => false,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pattern { kind, stem, wildcard } = self;
        let star = match (wildcard, stem.is_empty()) {
            (false, _) => "",
            (true, true) => "*",
            (true, false) => ".*",
        };
        write!(f, "{}:{stem}{star}", kind.code())
    }
}

impl FromStr for Pattern {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Pattern, ScopeError> {
        if text.len() > LONGEST {
            return Err(ScopeError::Long);
        }
        let (kind, rest) = text.split_once(':').ok_or(ScopeError::Type)?;
        let kind = ScopeType::ALL.into_iter().find(|known| known.code() == kind).ok_or(ScopeError::Type)?;
        if rest == "*" {
            return Ok(Pattern::all_of(kind));
        }
        let (stem, wildcard) = rest.strip_suffix(".*").map_or((rest, false), |stem| (stem, true));
        if stem.contains('*') {
            return Err(ScopeError::Wildcard);
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if !stem.split('.').all(|segment| !segment.is_empty() && segment.bytes().all(is_name)) {
            return Err(ScopeError::Segment);
        }
        if stem.split('.').count() > MOST_NAMES {
            return Err(ScopeError::Deep);
        }
        Ok(Pattern { kind, stem: stem.to_owned(), wildcard })
    }
}

impl Scope {
    pub fn kind(&self) -> ScopeType {
        self.0.kind
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Scope, ScopeError> {
        let pattern: Pattern = text.parse()?;
        if pattern.wildcard { Err(ScopeError::NotOne) } else { Ok(Scope(pattern)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().expect("it is a pattern")
    }

    fn scope(text: &str) -> Scope {
        text.parse().expect("it is a scope")
    }

    /// L4, KEY-05
    #[test]
    fn a_wildcard_stands_for_whole_names() {
        let all = pattern("data_type:*");
        let some = pattern("data_type:b.*");
        for (asked, by_all, by_some) in [
            ("data_type:b", true, false),
            ("data_type:b.c", true, true),
            ("data_type:b.c.d", true, true),
            ("data_type:bc", true, false),
            ("data_type:b_c", true, false),
            ("data_type:bb.c", true, false),
            ("file_type:b.c", false, false),
        ] {
            assert_eq!((all.covers(&scope(asked)), some.covers(&scope(asked))), (by_all, by_some), "{asked}");
        }
        assert!(pattern("data_type:b").covers(&scope("data_type:b")));
        assert!(!pattern("data_type:b").covers(&scope("data_type:b.c")));
    }

    /// L4: the grammar is closed.
    #[test]
    fn anything_else_is_no_scope() {
        for wrong in [
            "",
            "*",
            "a:b",
            "source_type",
            "source_type:",
            "source_type: b",
            "source_type:b.",
            "source_type:.b",
            "source_type:b..c",
            "source_type:*.b",
            "source_type:b*",
            "source_type:b.*.c",
            "source_type:**",
            "source_type:b.**",
            "Source_type:b",
            "source_type:b:c",
            "source_type:é",
            "source_type:b\n",
            "source_type:b\0",
            "source_type:b%",
            "source_type:.*",
            "source_type:b/c",
        ] {
            assert!(wrong.parse::<Pattern>().is_err(), "{wrong:?}");
        }
        let long = format!("source_type:{}", "a".repeat(LONGEST));
        assert_eq!(long.parse::<Pattern>(), Err(ScopeError::Long));
        let names = |number| format!("source_type:{}", vec!["a"; number].join("."));
        assert!(names(MOST_NAMES).parse::<Pattern>().is_ok());
        assert_eq!(names(MOST_NAMES + 1).parse::<Pattern>(), Err(ScopeError::Deep));
        assert_eq!("source_type:b.*".parse::<Scope>(), Err(ScopeError::NotOne));
    }

    fn any_pattern() -> impl Strategy<Value = String> {
        ("(source_type|file_type):([ab](\\.[ab]){0,2}(\\.\\*)?|\\*)").prop_map(|text| text)
    }

    proptest! {
        #[test]
        fn a_pattern_is_written_as_it_was_read(text in any_pattern()) {
            prop_assert_eq!(pattern(&text).to_string(), text);
        }

        /// L7, CAP-02: containment is what it is of every scope there could be.
        #[test]
        fn containing_is_covering_all_that_is_covered(outer in any_pattern(), inner in any_pattern()) {
            let (outer, inner) = (pattern(&outer), pattern(&inner));
            // Names a and b, and c for all others, one segment deeper than any pattern here.
            let names = ["a", "b", "c"];
            let mut stems: Vec<String> = vec![String::new()];
            let mut all = true;
            for _ in 0..4 {
                stems = stems
                    .iter()
                    .flat_map(|stem| names.map(|name| if stem.is_empty() { name.to_owned() } else { format!("{stem}.{name}") }))
                    .collect();
                for kind in [ScopeType::Source, ScopeType::File] {
                    for stem in &stems {
                        let scope = scope(&format!("{}:{stem}", kind.code()));
                        all &= outer.covers(&scope) || !inner.covers(&scope);
                    }
                }
            }
            prop_assert_eq!(outer.contains(&inner), all);
        }
    }
}
