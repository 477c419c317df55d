//! Enums whose values are words of a format: written once beside the variant, and read, shown and serialized as that.

/// A word that an enum of words does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownWord {
    /// The noun for a word that it does have: `diagnostic`.
    pub kind: &'static str,
    /// The word.
    pub word: String,
}

impl std::fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no {} is called `{}`", self.kind, self.word)
    }
}

impl std::error::Error for UnknownWord {}

/// An enum with a word for each variant, and a noun for them all, which errors name.
///
/// It has `ALL` and `word`, and `Display`, `FromStr`, `Serialize` and `Deserialize` by the words.
macro_rules! string_enum {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $name:ident: $kind:literal {
            $($(#[$note:meta])* $variant:ident = $word:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility enum $name {
            $($(#[$note])* $variant,)*
        }

        impl $name {
            /// All of them, in the order of their list.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word, as it is written in documents, events and reports.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::string_enum::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err($crate::string_enum::UnknownWord { kind: $kind, word: word.to_owned() }),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <String as serde::Deserialize>::deserialize(deserializer)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use string_enum;
