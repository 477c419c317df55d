//! `$statusCode == 2XX`: a class of status codes, as descriptions of APIs name it (docs/readings.md, `dialect-word`).

use super::{Condition, Operator, Parser, dialect};
use crate::code::Code;
use crate::expr::{Finding, Root};
use crate::readings::Readings;
use crate::value::Json;

impl Parser<'_, '_> {
    /// The class that stands behind the comparison of a status that begins at `begin`, if there is one.
    pub(super) fn status_class(&mut self, left: &Condition, operator: Operator, begin: usize) -> Option<Condition> {
        let Condition::Value(expr, place) = left else { return None };
        let equal = match operator {
            Operator::Equal => true,
            Operator::NotEqual => false,
            _ => return None,
        };
        if expr.root != Root::StatusCode || self.scope.readings == Readings::Letter {
            return None;
        }
        let word: String = self.rest().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '*').collect();
        let first = word.chars().next()?.to_digit(10).filter(|_| dialect::is_status_class(&word))?;
        self.at += word.len();
        let status = self.text.get(place.clone()).unwrap_or_default();
        let (least, most) = (first * 100, first * 100 + 100);
        let right = match equal {
            true => format!("{status} >= {least} && {status} < {most}"),
            false => format!("({status} < {least} || {status} >= {most})"),
        };
        let message = format!("`{word}` is a class of status codes: each of them is meant");
        let finding = Finding::new(Code::DialectWord, begin..self.at, message);
        self.read_as(finding.help(format!("write {right}")).fix(right, true));
        let compare = |operator, number: u32| {
            let number = Condition::Literal(Json::from(number));
            Condition::Compare(operator, Box::new(left.clone()), Box::new(number))
        };
        Some(match equal {
            true => Condition::And(vec![compare(Operator::GreaterOrEqual, least), compare(Operator::Less, most)]),
            false => Condition::Or(vec![compare(Operator::Less, least), compare(Operator::GreaterOrEqual, most)]),
        })
    }
}
