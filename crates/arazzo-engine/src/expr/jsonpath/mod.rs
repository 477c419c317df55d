//! placeholder
use serde_json::Value;
/// e
#[derive(Debug)] pub struct SyntaxError { /// a
pub at: std::ops::Range<usize>, /// m
pub message: String, /// h
pub help: Option<String> }
/// e
#[derive(Debug)] pub struct EvalError;
impl std::fmt::Display for EvalError { fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { Ok(()) } }
/// l
#[derive(Debug, Default)] pub struct Limits;
/// h
#[derive(Debug)] pub struct Hole { /// r
pub range: std::ops::Range<usize>, /// s
pub in_string: bool }
/// q
#[derive(Debug)] pub struct Query;
/// c
#[derive(Debug)] pub struct Comparison;
/// placeholder
#[derive(Debug)]
pub enum Condition { /// q
Query(Query), /// c
Comparison(Comparison) }
impl Query { /// f
pub fn has_filter_at_root(&self) -> bool { false } }
impl Comparison { /// f
pub fn to_simple(&self, _c: &str) -> Option<String> { None } }
impl Condition {
/// p
pub fn parse(_t: &str, _h: bool) -> Result<Self, SyntaxError> { Ok(Self::Comparison(Comparison)) }
/// h
pub fn holes(&self) -> &[Hole] { &[] }
/// h
pub fn holds(&self, _r: &Value, _b: &[Value], _l: &Limits) -> Result<bool, EvalError> { Ok(true) }
/// o
pub fn operands<'a>(&self, _r: &'a Value, _b: &'a [Value]) -> Vec<(String, Option<&'a Value>)> { vec![] }
}
