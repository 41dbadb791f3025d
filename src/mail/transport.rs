use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox as Address, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::{Body, Mailbox};
use crate::clock::Timestamp;
use crate::config::{Config, SmtpTls};
use crate::ids::MailId;

/// Where mail goes: an SMTP server, or a folder on this machine.
pub struct Transport {
    from: Address,
    host: String,
    way: Way,
}

enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(Mailbox),
    Nowhere { refused: Vec<String>, taken: Mutex<Vec<(String, Body)>> },
}

#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error("The sender's address (INTERLOCK_MAIL_FROM) is none: {0}")]
    From(#[from] lettre::address::AddressError),
    #[error("The mail server's settings (INTERLOCK_SMTP_URL) can't be used: {0}")]
    Smtp(#[from] lettre::transport::smtp::Error),
}

/// Why a mail did not go out, in words for the one who sent it.
#[derive(Debug, PartialEq, Eq)]
pub enum SendError {
    /// Trying again may help.
    Temporary(String),
    Permanent(String),
}

impl Transport {
    pub fn new(config: &Config) -> Result<Transport, TransportError> {
        let way = match &config.smtp_url {
            None => Way::Folder(Mailbox::new(&config.data_dir)),
            Some(smtp) => {
                type Smtp = AsyncSmtpTransport<Tokio1Executor>;
                let builder = match smtp.tls {
                    SmtpTls::StartTls => Smtp::starttls_relay(&smtp.host)?,
                    SmtpTls::Wrapped => Smtp::relay(&smtp.host)?,
                    SmtpTls::None => Smtp::builder_dangerous(&smtp.host),
                };
                let mut builder = builder.port(smtp.port);
                if let (Some(user), Some(password)) = (&smtp.username, &smtp.password) {
                    builder = builder.credentials(Credentials::new(user.clone(), password.expose().clone()));
                }
                Way::Smtp(builder.build())
            }
        };
        Ok(Transport { from: config.mail_from.parse()?, host: config.base_url.host().to_owned(), way })
    }

    /// Mail that is settled and never sent, as for people who don't exist. Those to `refused` addresses
    /// are given up.
    pub fn nowhere(config: &Config, refused: &[&str]) -> Result<Transport, TransportError> {
        let refused = refused.iter().map(|address| (*address).to_owned()).collect();
        let way = Way::Nowhere { refused, taken: Mutex::default() };
        Ok(Transport { from: config.mail_from.parse()?, host: config.base_url.host().to_owned(), way })
    }

    /// What went nowhere since this was last asked: recipients and bodies.
    pub fn taken(&self) -> Vec<(String, Body)> {
        match &self.way {
            Way::Nowhere { taken, .. } => {
                std::mem::take(&mut *taken.lock().unwrap_or_else(PoisonError::into_inner))
            }
            Way::Smtp(_) | Way::Folder(_) => Vec::new(),
        }
    }

    /// The id makes the `Message-ID`: a second copy, should there be one, is known as the same mail.
    pub async fn send(
        &self,
        id: MailId,
        to: &str,
        subject: &str,
        body: &Body,
        at: Timestamp,
    ) -> Result<(), SendError> {
        let message = self.compose(id, to, subject, body, at).map_err(SendError::Permanent)?;
        match &self.way {
            Way::Smtp(smtp) => smtp.send(message).await.map(|_| ()).map_err(smtp_failure),
            Way::Folder(mailbox) => mailbox.store(id, at, &message.formatted()).await.map_err(|error| {
                SendError::Temporary(format!("The folder for mail can't be written: {error}"))
            }),
            Way::Nowhere { refused, .. } if refused.iter().any(|address| address == to) => {
                Err(SendError::Permanent("550 5.1.1 There is no mailbox with this name".to_owned()))
            }
            Way::Nowhere { taken, .. } => {
                let mail = (to.to_owned(), body.clone());
                taken.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
                Ok(())
            }
        }
    }

    fn compose(
        &self,
        id: MailId,
        to: &str,
        subject: &str,
        body: &Body,
        at: Timestamp,
    ) -> Result<Message, String> {
        let to: lettre::Address = to.parse().map_err(|_| "The address can't be mailed to.".to_owned())?;
        let generated =
            HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        Message::builder()
            .from(self.from.clone())
            .to(Address::new(None, to))
            .subject(subject)
            .message_id(Some(format!("<{id}@{}>", self.host.trim_matches(['[', ']']))))
            .date(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(at.0.unsigned_abs()))
            .raw_header(generated)
            .multipart(
                MultiPart::alternative()
                    .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(body.text.clone()))
                    .singlepart(SinglePart::builder().header(ContentType::TEXT_HTML).body(body.html.clone())),
            )
            .map_err(|error| error.to_string())
    }
}

/// A 5xx answer to this mail is final; anything else may pass.
fn smtp_failure(error: lettre::transport::smtp::Error) -> SendError {
    let why: String =
        error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    if error.is_permanent() { SendError::Permanent(why) } else { SendError::Temporary(why) }
}

/// Where mail goes, for the line that is printed at the start.
pub fn destination(config: &Config) -> String {
    match &config.smtp_url {
        Some(smtp) => format!("{}:{}", smtp.host, smtp.port),
        None => folder(config).display().to_string(),
    }
}

fn folder(config: &Config) -> PathBuf {
    config.data_dir.join("mail")
}
