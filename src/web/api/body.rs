//! Bodies: JSON of known fields alone. All that is wrong is said at once, each with its place.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::problem::{Fault, Problem};
use super::reading;
pub use super::reading::{OrNull, Parsed};
use crate::domain::values::pointer_part;

/// The JSON that a request brings.
pub(super) fn json(headers: &HeaderMap, body: &Bytes) -> Result<Value, Problem> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Problem::not_json());
    }
    Ok(reading::value(body)?)
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Problem {
        let place = format!("line {}, column {}", error.line(), error.column());
        let why = error.to_string();
        Problem::malformed(if why.starts_with(reading::TWICE) {
            format!("A field of this name is there twice: {place}. Send it once.")
        } else if why.starts_with("recursion limit") {
            format!("It is nested too deeply: {place}.")
        } else {
            format!("It is no JSON: {place}.")
        })
    }
}

/// A body as a type: its fields are the document's of the API and of the check alike.
pub trait Body: Sized {
    const FIELDS: &'static [&'static str];

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self>;
}

/// Makes a body's type. Fields that are an `Option` may be left out or null; each that is wrong is said, not only the
/// first.
macro_rules! body {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)* }) => {
        #[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        $(#[$meta])*
        pub struct $name { $($(#[$field_meta])* pub $field: $type,)* }

        impl $crate::web::api::body::Body for $name {
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn read(fields: &mut $crate::web::api::body::Fields<'_, '_>) -> Option<Self> {
                $(let $field = fields.take::<$type>(stringify!($field));)*
                Some($name { $($field: $field?,)* })
            }
        }
    };
}
pub(crate) use body;

/// A request's body, read as one of these types.
pub struct Json<T>(pub T);

impl<T: Body, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Json<T>, Problem> {
        let body = received(request, state).await?;
        let mut faults = Vec::new();
        let read = T::read(&mut Fields::of(&body, "", T::FIELDS, &mut faults));
        read.filter(|_| faults.is_empty()).map(Json).ok_or_else(|| Problem::invalid(faults))
    }
}

/// A body that the domain reads as a document.
pub struct Document(pub Value);

impl<S: Send + Sync> FromRequest<S> for Document {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Document, Problem> {
        Ok(Document(received(request, state).await?))
    }
}

async fn received<S: Send + Sync>(request: Request, state: &S) -> Result<Value, Problem> {
    let headers = request.headers().clone();
    let body = Bytes::from_request(request, state).await;
    json(&headers, &body.map_err(|error| Problem::of_status(error.status()))?)
}

/// Reads an object's fields and collects what is wrong with them.
pub struct Fields<'v, 'f> {
    object: Option<&'v Map<String, Value>>,
    at: &'f str,
    faults: &'f mut Vec<Fault>,
}

impl<'v, 'f> Fields<'v, 'f> {
    /// `at` is the object's own pointer. A field that is not among `known` is a fault.
    pub fn of(value: &'v Value, at: &'f str, known: &[&str], faults: &'f mut Vec<Fault>) -> Fields<'v, 'f> {
        let object = value.as_object();
        if object.is_none() {
            let detail = format!("Send an object with {}.", known.join(", "));
            faults.push(Fault { pointer: at.to_owned(), detail });
        }
        for name in object.into_iter().flat_map(Map::keys).filter(|name| !known.contains(&name.as_str())) {
            let detail = format!("This field is not known. Leave it out; there are {}.", known.join(", "));
            faults.push(Fault { pointer: format!("{at}/{}", pointer_part(name)), detail });
        }
        Fields { object, at, faults }
    }

    pub fn fault(&mut self, name: &str, detail: impl Into<String>) {
        self.faults.push(Fault { pointer: format!("{}/{name}", self.at), detail: detail.into() });
    }

    /// A field of any type. One that is missing is as null is to an `Option`, and to nothing else.
    pub fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let Some(given) = self.object?.get(name) else {
            let missing = T::deserialize(reading::Missing).ok();
            if missing.is_none() {
                self.fault(name, format!("{name} is missing."));
            }
            return missing;
        };
        match serde_path_to_error::deserialize::<_, T>(given) {
            Ok(value) => Some(value),
            Err(error) => {
                let inner =
                    error.path().iter().map(|segment| format!("/{}", pointer_part(&segment.to_string())));
                let place = format!("{name}{}", inner.collect::<String>());
                // Our own are sentences already.
                let why = error.inner().to_string();
                let is_sentence = why.ends_with('.');
                self.fault(&place, if is_sentence { why } else { format!("This can't be taken: {why}.") });
                None
            }
        }
    }

    /// A list of 1 to `most` bodies, of which all faults are told.
    pub fn each<T: Body>(&mut self, name: &str, most: usize) -> Option<Vec<T>> {
        let list = self.list(name, most)?;
        let read = list.iter().enumerate().map(|(index, one)| {
            let at = format!("{}/{name}/{index}", self.at);
            T::read(&mut Fields::of(one, &at, T::FIELDS, self.faults))
        });
        // Each is read, whatever is wrong with one before it.
        read.collect::<Vec<_>>().into_iter().collect()
    }

    fn value(&mut self, name: &str) -> Option<&'v Value> {
        let object = self.object?;
        let value = object.get(name);
        if value.is_none() {
            self.fault(name, format!("{name} is missing."));
        }
        value
    }

    fn list(&mut self, name: &str, most: usize) -> Option<&'v [Value]> {
        let list = self.value(name)?.as_array().map(Vec::as_slice);
        let list = list.filter(|list| !list.is_empty() && list.len() <= most);
        if list.is_none() {
            self.fault(name, format!("{name} has to be a list of 1 to {most}."));
        }
        list
    }
}
