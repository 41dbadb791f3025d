//! What browsers post.

use axum::extract::{FromRequest, Request};
use axum::http::header;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::Error;

/// A posted form. Its struct denies unknown fields and gives defaults to absent ones: a field that is
/// not part of the form refuses it, and so does one that comes twice (INV-06, RST-06).
pub struct Form<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Form<T>, Error> {
        let content_type =
            request.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes().to_ascii_lowercase());
        let is_form =
            content_type.is_none_or(|value| value.starts_with(b"application/x-www-form-urlencoded"));
        if !is_form {
            return Err(Error::Malformed("It is not a form. Reload the page and try again."));
        }
        let body = request.into_body().collect().await.map_err(|_| Error::TooLarge)?.to_bytes();
        read(&body).map(Form)
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_urlencoded::from_bytes(body).map_err(|error| {
        if error.to_string().starts_with("duplicate field") {
            Error::Malformed("It holds a field twice. Reload the page and try again.")
        } else {
            Error::UnknownField
        }
    })
}

/// A form without fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A field of a form: what was typed, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Field {
    pub value: String,
    pub error: Option<String>,
    /// Whether the page begins here: at the first field that is wrong.
    pub focus: bool,
}

impl Field {
    pub fn new(value: impl Into<String>) -> Field {
        Field { value: value.into(), ..Field::default() }
    }

    /// A field whose value is not sent back, with what is wrong about it.
    pub fn wrong(error: impl std::fmt::Display) -> Field {
        Field { value: String::new(), error: Some(error.to_string()), focus: true }
    }

    /// The page begins at the first of these that is wrong.
    pub fn focus_first<'a>(fields: impl IntoIterator<Item = &'a mut Field>) {
        for field in fields.into_iter().filter(|field| field.focus).skip(1) {
            field.focus = false;
        }
    }

    /// Parses what was typed, or notes beside the field why it can't be.
    pub fn parse<T: std::str::FromStr>(&mut self) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        self.note(self.value.clone().parse())
    }

    /// Keeps the good result, or notes beside the field what is wrong.
    pub fn note<T>(&mut self, result: Result<T, impl std::fmt::Display>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.error = Some(error.to_string());
                self.focus = true;
                None
            }
        }
    }
}

/// A posted form in which some fields may come several times, as check boxes of one name do. Their values are joined
/// by commas, which none of them holds, and stand in one field of the struct.
pub struct ListForm<T>(pub T);

/// Which fields of a form are lists.
pub trait Lists {
    const LISTS: &'static [&'static str];
}

impl<T: DeserializeOwned + Lists, S: Send + Sync> FromRequest<S> for ListForm<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<ListForm<T>, Error> {
        let Form(pairs) = Form::<Vec<(String, String)>>::from_request(request, state).await?;
        let mut joined = url::form_urlencoded::Serializer::new(String::new());
        for list in T::LISTS {
            joined.append_pair(list, &join(&pairs, list));
        }
        joined.extend_pairs(pairs.iter().filter(|(name, _)| !T::LISTS.contains(&name.as_str())));
        read(joined.finish().as_bytes()).map(ListForm)
    }
}

/// The values of all fields of one name.
pub fn join(pairs: &[(String, String)], name: &str) -> String {
    let values = pairs.iter().filter(|(field, value)| field == name && !value.is_empty());
    values.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(",")
}
