//! The local mailbox: where mail goes while no SMTP server is named. One `.eml` file a mail.

use std::io;
use std::path::{Path, PathBuf};

use mail_parser::MessageParser;
use serde::Deserialize;
use tokio::fs;

use crate::clock::Timestamp;
use crate::ids::MailId;

pub struct Mailbox(PathBuf);

/// A mail in the list.
pub struct StoredSummary {
    /// The file's name without its ending.
    pub name: String,
    pub at: Timestamp,
    pub to: String,
    pub subject: String,
}

/// A mail with its text.
pub struct StoredMail {
    pub summary: StoredSummary,
    pub text: String,
    pub html: String,
}

/// What part of the mailbox is looked at: whose mails, and those before or after one by its name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct View {
    pub to: String,
    pub before: String,
    pub after: String,
}

/// A page of the list, and whether there are newer and older ones.
pub struct Listed {
    pub mails: Vec<StoredSummary>,
    pub newer: bool,
    pub older: bool,
}

/// As many as a person looks through at once.
const SHOWN: usize = 100;

impl Mailbox {
    pub fn new(data_dir: &Path) -> Mailbox {
        Mailbox(data_dir.join("mail"))
    }

    /// Written aside and renamed: a mail is there whole, or not at all, and a second time in the same place.
    pub async fn store(&self, id: MailId, at: Timestamp, message: &[u8]) -> io::Result<()> {
        let mut folder = fs::DirBuilder::new();
        folder.recursive(true);
        #[cfg(unix)]
        folder.mode(0o700);
        folder.create(&self.0).await?;
        let aside = self.0.join(format!("{id}.part"));
        fs::write(&aside, message).await?;
        #[cfg(unix)]
        fs::set_permissions(&aside, std::os::unix::fs::PermissionsExt::from_mode(0o600)).await?;
        fs::rename(&aside, self.0.join(format!("{:013}-{id}.eml", at.0))).await
    }

    /// A page of mails, newest first.
    pub async fn list(&self, view: &View) -> io::Result<Listed> {
        let mut names = self.names().await?;
        // Names begin with their time: in their order the mails are in theirs.
        names.sort_unstable_by(|one, other| other.cmp(one));
        let backwards = !view.after.is_empty();
        if backwards {
            names.retain(|name| *name > view.after);
            names.reverse();
        } else if !view.before.is_empty() {
            names.retain(|name| *name < view.before);
        }
        let (wanted, mut mails) = (view.to.trim().to_lowercase(), Vec::new());
        for name in names {
            let mail = self.read(&name).await?.map(|mail| mail.summary);
            mails.extend(mail.filter(|mail| mail.to.to_lowercase().contains(&wanted)));
            if mails.len() > SHOWN {
                break;
            }
        }
        let more = mails.len() > SHOWN;
        mails.truncate(SHOWN);
        if backwards {
            mails.reverse();
        }
        let (newer, older) = if backwards { (more, true) } else { (!view.before.is_empty(), more) };
        Ok(Listed { mails, newer, older })
    }

    async fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        let mut entries = match fs::read_dir(&self.0).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        while let Some(entry) = entries.next_entry().await? {
            names.extend(
                entry.file_name().to_str().and_then(|name| name.strip_suffix(".eml")).map(str::to_owned),
            );
        }
        Ok(names)
    }

    /// One mail by its name in the list. Only names that we write are looked up: none leaves the folder.
    pub async fn read(&self, name: &str) -> io::Result<Option<StoredMail>> {
        let Some((at, id)) = name.split_once('-') else { return Ok(None) };
        let (Ok(at), Ok(_)) = (at.parse::<i64>(), id.parse::<MailId>()) else {
            return Ok(None);
        };
        let bytes = match fs::read(self.0.join(format!("{name}.eml"))).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        Ok(MessageParser::default().parse(&bytes).map(|message| StoredMail {
            summary: StoredSummary {
                name: name.to_owned(),
                at: Timestamp(at),
                to: message
                    .to()
                    .and_then(|to| to.first())
                    .and_then(|to| to.address())
                    .unwrap_or_default()
                    .to_owned(),
                subject: message.subject().unwrap_or_default().to_owned(),
            },
            text: message.body_text(0).unwrap_or_default().into_owned(),
            html: message.body_html(0).unwrap_or_default().into_owned(),
        }))
    }
}
