//! A file that is there whole, or not at all: written beside its place under another ending, brought to
//! the disk, and only then given its name.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::secrets::random_bytes;

/// A file that is being written, for its owner's eyes alone. Dropped before [`Aside::keep`], it is
/// removed; killed before that, it stays behind as `….part`, which nobody takes for the whole, until the next
/// one for the same place removes it.
pub struct Aside {
    target: PathBuf,
    path: PathBuf,
    file: File,
    kept: bool,
}

impl Aside {
    /// An empty file beside `target`, on the same file system. It is locked for as long as it is written.
    pub fn beside(target: &Path) -> io::Result<Aside> {
        let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        remove_leftovers(target, &name)?;
        loop {
            let random = u32::from_be_bytes(random_bytes());
            let path = target.with_file_name(format!("{name}.{random:08x}.part"));
            let file = options.open(&path)?;
            let taken = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
            // Another one may have taken it for a leftover before it was locked.
            if !taken && path.exists() {
                return Ok(Aside { target: target.to_owned(), path, file, kept: false });
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives it its name. Without `overwrite` a file that has the name already stays, also one that
    /// came a moment ago.
    pub fn keep(mut self, overwrite: bool) -> io::Result<()> {
        self.file.sync_all()?;
        if overwrite {
            fs::rename(&self.path, &self.target)?;
        } else {
            fs::hard_link(&self.path, &self.target)?;
            fs::remove_file(&self.path)?;
        }
        self.kept = true;
        sync_folder(&self.target)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing more can be done; what stays has an ending that says what it is.
            for ending in ENDINGS {
                let _ = fs::remove_file(with_ending(&self.path, ending));
            }
        }
    }
}

/// The file itself, and what SQLite may keep beside it while it writes into it.
const ENDINGS: [&str; 4] = ["", "-journal", "-wal", "-shm"];

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Removes what earlier ones for the same place left behind when they were killed: files that are called as
/// ours are, and that nobody holds.
fn remove_leftovers(target: &Path, name: &str) -> io::Result<()> {
    for entry in fs::read_dir(folder_of(target))? {
        let entry = entry?.file_name();
        let Some(random) = entry.to_str().and_then(|entry| random_part(entry, name)) else { continue };
        let part = target.with_file_name(format!("{name}.{random}.part"));
        let free = match File::open(&part) {
            Ok(file) => file.try_lock().is_ok(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if free {
            // Whoever can't remove it can still write beside it.
            let _ = fs::remove_file(target.with_file_name(&entry));
        }
    }
    Ok(())
}

/// What sets a file of ours apart from the others for the same place.
fn random_part<'a>(entry: &'a str, name: &str) -> Option<&'a str> {
    let (random, ending) = entry.strip_prefix(name)?.strip_prefix('.')?.split_once(".part")?;
    let ours = random.len() == 8 && random.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (ours && ENDINGS.contains(&ending)).then_some(random)
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether two names are of one file: also through links, and where there is no file yet.
pub fn same_file(one: &Path, other: &Path) -> bool {
    if let (Some(one), Some(other)) = (identity(one), identity(other)) {
        return one == other;
    }
    matches!((place(one), place(other)), (Some(one), Some(other)) if one == other)
}

/// What a file is by, whatever its names: its device and its number there.
#[cfg(unix)]
fn identity(file: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(file).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(file: &Path) -> Option<PathBuf> {
    fs::canonicalize(file).ok()
}

/// A name in the folder that it is truly in.
fn place(file: &Path) -> Option<PathBuf> {
    Some(fs::canonicalize(folder_of(file)).ok()?.join(file.file_name()?))
}

/// Brings the names in a file's folder to the disk: a rename is not there before that.
pub fn sync_folder(file: &Path) -> io::Result<()> {
    File::open(folder_of(file))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("interlock-aside-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder can be made");
        folder
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("it can be read");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn it_is_there_whole_or_not_at_all() {
        let folder = folder("whole");
        let target = folder.join("it");
        let mut aside = Aside::beside(&target).expect("it can be begun");
        aside.file().write_all(b"half").expect("it can be written");
        assert!(!target.exists());
        drop(aside);
        assert!(names(&folder).is_empty(), "nothing is left of what was not kept");
        let mut aside = Aside::beside(&target).expect("it can be begun");
        aside.file().write_all(b"whole").expect("it can be written");
        aside.keep(false).expect("it can be kept");
        assert_eq!(names(&folder), ["it"]);
        fs::remove_dir_all(&folder).expect("it can be removed");
    }

    #[test]
    fn what_was_left_behind_goes_and_nothing_else() {
        let folder = folder("left");
        let target = folder.join("it");
        for name in ["it.0123abcd.part", "it.0123abcd.part-journal", "it.89abcdef.part-wal"] {
            fs::write(folder.join(name), "left").expect("it can be written");
        }
        let others =
            ["it.0123ABCD.part", "it.part", "it.x.part", "it.0123abcd.part-mine", "its.0123abcd.part"];
        for name in others {
            fs::write(folder.join(name), "mine").expect("it can be written");
        }
        let one = Aside::beside(&target).expect("it can be begun");
        let other = Aside::beside(&target).expect("it can be begun");
        assert!(one.path().exists() && other.path().exists(), "what is being written stays");
        fs::write(with_ending(one.path(), "-journal"), "").expect("it can be written");
        drop((one, other));
        let mut left = names(&folder);
        left.sort();
        let mut others = others.map(str::to_owned);
        others.sort();
        assert_eq!(left, others);
        fs::remove_dir_all(&folder).expect("it can be removed");
    }

    #[test]
    fn what_is_there_is_overwritten_only_when_that_was_asked_for() {
        let folder = folder("there");
        let target = folder.join("it");
        fs::write(&target, "old").expect("it can be written");
        let aside = Aside::beside(&target).expect("it can be begun");
        assert!(aside.keep(false).is_err());
        assert_eq!(fs::read_to_string(&target).expect("it is there"), "old");
        assert_eq!(names(&folder), ["it"]);
        Aside::beside(&target).and_then(|aside| aside.keep(true)).expect("it can be kept");
        assert_eq!(fs::read_to_string(&target).expect("it is there"), "");
        fs::remove_dir_all(&folder).expect("it can be removed");
    }
}
