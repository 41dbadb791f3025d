//! The local mailbox: where mail goes while no SMTP server is named. One `.eml` file a mail.

use std::io;
use std::path::{Path, PathBuf};

use mail_parser::MessageParser;
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

/// As many as a person looks through; older ones stay in the folder.
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

    /// The newest mails, newest first.
    pub async fn list(&self) -> io::Result<Vec<StoredSummary>> {
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
        names.sort_unstable_by(|one, other| other.cmp(one));
        let mut mails = Vec::new();
        for name in names.into_iter().take(SHOWN) {
            mails.extend(self.read(&name).await?.map(|mail| mail.summary));
        }
        Ok(mails)
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
