//! `json!`: values in the notation of JSON, as the macro of this name in serde_json reads it; numbers keep their digits.

/// A value in the notation of JSON; anything else in it is an expression of a type that can be serialized.
#[macro_export]
macro_rules! json {
    ($($tokens:tt)+) => { $crate::json_value!($($tokens)+) };
}

/// The parts of [`json!`]: items and members are taken from the left, one value after the other.
#[doc(hidden)]
#[macro_export]
macro_rules! json_value {
    (@list [$($done:expr,)*]) => { ::std::vec![$($done,)*] };
    (@list [$($done:expr),*]) => { ::std::vec![$($done),*] };
    (@list [$($done:expr,)*] null $($rest:tt)*) => { $crate::json_value!(@list [$($done,)* $crate::json_value!(null)] $($rest)*) };
    (@list [$($done:expr,)*] [$($inner:tt)*] $($rest:tt)*) => {
        $crate::json_value!(@list [$($done,)* $crate::json_value!([$($inner)*])] $($rest)*)
    };
    (@list [$($done:expr,)*] {$($inner:tt)*} $($rest:tt)*) => {
        $crate::json_value!(@list [$($done,)* $crate::json_value!({$($inner)*})] $($rest)*)
    };
    (@list [$($done:expr,)*] $next:expr, $($rest:tt)*) => {
        $crate::json_value!(@list [$($done,)* $crate::json_value!($next),] $($rest)*)
    };
    (@list [$($done:expr,)*] $last:expr) => { $crate::json_value!(@list [$($done,)* $crate::json_value!($last)]) };
    (@list [$($done:expr),*] , $($rest:tt)*) => { $crate::json_value!(@list [$($done,)*] $($rest)*) };

    (@members $map:ident () ()) => {};
    (@members $map:ident [$($key:tt)+] ($value:expr) , $($rest:tt)*) => {
        let _ = $map.insert(($($key)+).into(), $value);
        $crate::json_value!(@members $map () ($($rest)*));
    };
    (@members $map:ident [$($key:tt)+] ($value:expr)) => { let _ = $map.insert(($($key)+).into(), $value); };
    (@members $map:ident ($($key:tt)+) (: null $($rest:tt)*)) => {
        $crate::json_value!(@members $map [$($key)+] ($crate::json_value!(null)) $($rest)*);
    };
    (@members $map:ident ($($key:tt)+) (: [$($inner:tt)*] $($rest:tt)*)) => {
        $crate::json_value!(@members $map [$($key)+] ($crate::json_value!([$($inner)*])) $($rest)*);
    };
    (@members $map:ident ($($key:tt)+) (: {$($inner:tt)*} $($rest:tt)*)) => {
        $crate::json_value!(@members $map [$($key)+] ($crate::json_value!({$($inner)*})) $($rest)*);
    };
    (@members $map:ident ($($key:tt)+) (: $value:expr , $($rest:tt)*)) => {
        $crate::json_value!(@members $map [$($key)+] ($crate::json_value!($value)) , $($rest)*);
    };
    (@members $map:ident ($($key:tt)+) (: $value:expr)) => {
        $crate::json_value!(@members $map [$($key)+] ($crate::json_value!($value)));
    };
    (@members $map:ident ($($key:tt)*) ($next:tt $($rest:tt)*)) => {
        $crate::json_value!(@members $map ($($key)* $next) ($($rest)*));
    };

    (null) => { $crate::value::Json::Null };
    ([]) => { $crate::value::Json::from(::std::vec::Vec::<$crate::value::Json>::new()) };
    ([$($items:tt)+]) => { $crate::value::Json::from($crate::json_value!(@list [] $($items)+)) };
    ({}) => { $crate::value::Json::from($crate::value::Map::new()) };
    ({$($members:tt)+}) => {{
        let mut members = $crate::value::Map::<::std::string::String, $crate::value::Json>::new();
        $crate::json_value!(@members members () ($($members)+));
        $crate::value::Json::from(members)
    }};
    ($other:expr) => { $crate::value::Json::of(&$other) };
}
