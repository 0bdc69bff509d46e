//! Enumerations that may grow: each has the values of this build and keeps any other as it came.

/// Declares an enumeration of words, written as a JSON string.
macro_rules! words {
    (
        $(#[$meta:meta])*
        $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $word:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )+
            /// A value that this build does not know, as it came.
            Other(String),
        }

        impl $name {
            /// Every word that this build knows.
            pub const WORDS: &'static [&'static str] = &[ $( $word, )+ ];

            /// The word as written on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $( $name::$variant => $word, )+
                    $name::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> $name {
                match word {
                    $( $word => $name::$variant, )+
                    other => $name::Other(other.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> $name {
                $name::from(word.as_str())
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> String {
                word.as_str().to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $crate::open::schema($name::WORDS)
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

pub(crate) use words;

/// A string, with the words that are known today told in its description: a client that
/// refused another one would break when the enumeration grows.
pub(crate) fn schema(words: &[&str]) -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::String)
        .description(Some(format!(
            "One of `{}`. More may come: treat an unknown value as itself.",
            words.join("`, `")
        )))
        .examples(words.first().map(|word| serde_json::Value::from(*word)))
        .into()
}

#[cfg(test)]
mod tests {
    use crate::SagaStatus;

    #[test]
    fn a_word_that_is_not_known_yet_survives() {
        let status: SagaStatus = serde_json::from_str("\"hibernating\"").unwrap();
        assert_eq!(status, SagaStatus::Other("hibernating".to_owned()));
        assert_eq!(serde_json::to_string(&status).unwrap(), "\"hibernating\"");
        for word in SagaStatus::WORDS {
            assert_eq!(SagaStatus::from(*word).as_str(), *word);
        }
    }
}
