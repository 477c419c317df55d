//! The comparisons of a criterion with constants: which must hold for it to be met, which exclude or imply one another.

use crate::value::Json;

use crate::expr::Expr;
use crate::expr::condition::Condition;
use crate::expr::jsonpath::Operator;
use crate::program::{Criterion, Test};
use crate::value::numeric;

/// `$statusCode == 200`: what must be so for a criterion to be met.
pub(super) type Equality<'p> = (&'p Expr, &'p Json);

/// What must be so for a criterion to be met, as far as it is `==` with constants.
pub(super) fn equalities(criterion: &Criterion) -> Vec<Equality<'_>> {
    fn within<'p>(condition: &'p Condition, found: &mut Vec<Equality<'p>>) {
        match condition {
            Condition::And(list) => list.iter().for_each(|one| within(one, found)),
            Condition::Compare(Operator::Equal, left, right) => match (left.as_ref(), right.as_ref()) {
                (Condition::Value(expr, _), Condition::Literal(json))
                | (Condition::Literal(json), Condition::Value(expr, _)) => found.push((expr, json)),
                _ => {}
            },
            _ => {}
        }
    }
    let mut found = vec![];
    if let Test::Simple(condition) = &criterion.test {
        within(condition, &mut found);
    }
    found
}

pub(super) fn excludes(one: &Equality<'_>, other: &Equality<'_>) -> bool {
    one.0 == other.0 && !same(one.1, other.1)
}

/// As simple conditions compare: strings without case, numbers by value.
pub(super) fn same(a: &Json, b: &Json) -> bool {
    match (numeric(a), numeric(b)) {
        (Some(a), Some(b)) => a.order(&b).is_eq(),
        _ => match (a, b) {
            (Json::String(a), Json::String(b)) => a.to_lowercase() == b.to_lowercase(),
            (Json::Bool(truth), Json::String(text)) | (Json::String(text), Json::Bool(truth)) => {
                *text == truth.to_string()
            }
            _ => a == b,
        },
    }
}

/// The comparisons of a criterion, and whether there is nothing else in it.
pub(super) type Comparisons<'p> = (Vec<Comparison<'p>>, bool);

/// An expression beside a number.
pub(super) struct Comparison<'p> {
    expr: &'p Expr,
    operator: Operator,
    number: f64,
}

impl Comparison<'_> {
    /// `true` if another comparison is met wherever this one is.
    pub(super) fn implies(&self, other: &Self) -> bool {
        use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let (a, b) = (self.number, other.number);
        self.expr == other.expr
            && match (self.operator, other.operator) {
                (Equal, Equal) => a == b,
                (Equal | Greater | GreaterOrEqual, Greater) => a > b || self.operator == Greater && a >= b,
                (Equal | Greater | GreaterOrEqual, GreaterOrEqual) => a >= b,
                (Equal | Less | LessOrEqual, Less) => a < b || self.operator == Less && a <= b,
                (Equal | Less | LessOrEqual, LessOrEqual) => a <= b,
                (Equal, NotEqual) => a != b,
                (NotEqual, NotEqual) => a == b,
                _ => false,
            }
    }
}

/// The comparisons with numbers that all must be met for a criterion to be; `true` if there is nothing else in it.
pub(super) fn comparisons(criterion: &Criterion) -> Comparisons<'_> {
    fn within<'p>(condition: &'p Condition, found: &mut Vec<Comparison<'p>>) -> bool {
        match condition {
            Condition::And(list) => list.iter().filter(|one| !within(one, found)).count() == 0,
            Condition::Compare(operator, left, right) => {
                let (expr, json, operator) = match (left.as_ref(), right.as_ref()) {
                    (Condition::Value(expr, _), Condition::Literal(json)) => (expr, json, *operator),
                    (Condition::Literal(json), Condition::Value(expr, _)) => (expr, json, operator.turned()),
                    _ => return false,
                };
                let number = json.as_f64();
                found.extend(number.map(|number| Comparison { expr, operator, number }));
                number.is_some()
            }
            _ => false,
        }
    }
    let mut found = vec![];
    let whole = matches!(&criterion.test, Test::Simple(condition) if within(condition, &mut found));
    (found, whole)
}
