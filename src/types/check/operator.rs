//! Operators that compute something (types §2.8).

use super::Checker;
use crate::syntax::ast::{BinOp, Expr, ExprId, UnOp};
use crate::types::algebra::base;
use crate::types::codes::Code;
use crate::types::diagnostic::Diagnostic;
use crate::types::facts::Flow;
use crate::types::shape::Found;
use crate::types::ty::{Kind, Literal, Ty};

/// What an operator asks of an operand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    /// A number, or a string that Lua makes one of.
    Number,
    /// The same without a fraction.
    Bits,
    /// A string or a number.
    Text,
    /// A string or a table.
    Length,
    /// A number or a string, as the other operand.
    Order,
}

impl Wants {
    fn metamethod(self, op: &str) -> &'static [u8] {
        match (self, op) {
            (Wants::Text, _) => b"__concat",
            (Wants::Length, _) => b"__len",
            (Wants::Order, "<=" | ">=") => b"__le",
            (Wants::Order, _) => b"__lt",
            (_, "+") => b"__add",
            (_, "-") => b"__sub",
            (_, "*") => b"__mul",
            (_, "/") => b"__div",
            (_, "%") => b"__mod",
            (_, "^") => b"__pow",
            (_, "//") => b"__idiv",
            (_, "&") => b"__band",
            (_, "|") => b"__bor",
            (_, "~") => b"__bxor",
            (_, "<<") => b"__shl",
            (_, ">>") => b"__shr",
            _ => b"__unm",
        }
    }
}

impl Checker<'_> {
    pub(super) fn binary(&mut self, op: BinOp, left: (ExprId, Flow), right: (ExprId, Flow), id: ExprId) -> Flow {
        match op {
            BinOp::Eq | BinOp::Ne => {
                self.compare_overlap(left, right, id);
                Flow::inferred(Ty::BOOLEAN)
            }
            BinOp::Lt | BinOp::Gt | BinOp::Le | BinOp::Ge => self.order(op, left, right),
            BinOp::Concat => {
                let fine = self.operands("..", Wants::Text, left, right);
                let meta = self.has_metamethods(left.1.ty) || self.has_metamethods(right.1.ty);
                if fine && !meta { Flow::inferred(Ty::STRING) } else { Flow::ANY }
            }
            BinOp::BAnd | BinOp::BOr | BinOp::BXor | BinOp::Shl | BinOp::Shr => {
                let text = symbol(op);
                let fine = self.operands(text, Wants::Bits, left, right);
                let meta = self.has_metamethods(left.1.ty) || self.has_metamethods(right.1.ty);
                if fine && !meta { Flow::inferred(Ty::INTEGER) } else { Flow::ANY }
            }
            BinOp::Add | BinOp::Sub | BinOp::Mul | BinOp::Div | BinOp::IDiv | BinOp::Mod | BinOp::Pow => {
                let text = symbol(op);
                let fine = self.operands(text, Wants::Number, left, right);
                if !fine {
                    return Flow::ANY;
                }
                let ty = self.arithmetic(op, left.1.ty, right.1.ty);
                Flow { ty, declared: left.1.declared && right.1.declared }
            }
            BinOp::And | BinOp::Or => unreachable!("logical operators are not computed"),
        }
    }

    /// The type of `a op b` for operands that passed.
    fn arithmetic(&mut self, op: BinOp, left: Ty, right: Ty) -> Ty {
        let (a, b) = (self.types.bases(left), self.types.bases(right));
        if a & !base::NUMBER != 0 || b & !base::NUMBER != 0 {
            return Ty::ANY;
        }
        match op {
            BinOp::Div | BinOp::Pow => Ty::FLOAT,
            _ if a == base::INTEGER && b == base::INTEGER => Ty::INTEGER,
            _ if a == base::FLOAT || b == base::FLOAT => Ty::FLOAT,
            _ => Ty::NUMBER,
        }
    }

    fn order(&mut self, op: BinOp, left: (ExprId, Flow), right: (ExprId, Flow)) -> Flow {
        let text = symbol(op);
        let fine = self.operands(text, Wants::Order, left, right);
        if fine {
            let (a, b) = (self.types.bases(left.1.ty), self.types.bases(right.1.ty));
            let known = |bases: u16| bases & !(base::NUMBER | base::STRING) == 0;
            let meets =
                a & base::NUMBER != 0 && b & base::NUMBER != 0 || a & base::STRING != 0 && b & base::STRING != 0;
            if known(a) && known(b) && !meets && a != 0 && b != 0 {
                let message = format!(
                    "operator '{text}': {} and {} cannot be compared",
                    self.types.show(left.1.ty),
                    self.types.show(right.1.ty)
                );
                let report = Diagnostic::new(Code::BAD_OPERAND, self.span(right.0), message);
                self.report(report.with_place(self.span(left.0), self.types.show(left.1.ty)));
            }
        }
        Flow::inferred(Ty::BOOLEAN)
    }

    fn compare_overlap(&mut self, left: (ExprId, Flow), right: (ExprId, Flow), id: ExprId) {
        // A test for nil is always welcome.
        if left.1.ty == Ty::NIL || right.1.ty == Ty::NIL || !self.is_strict() {
            return;
        }
        let (mut a, mut b) = (left.1.ty, right.1.ty);
        // Equality of numbers does not see the difference of their kinds.
        for side in [&mut a, &mut b] {
            if self.types.bases(*side) & base::NUMBER != 0 {
                *side = self.types.union([*side, Ty::NUMBER]);
            }
        }
        if a != Ty::NEVER && b != Ty::NEVER && !self.types.overlap(a, b) {
            let message =
                format!("{} and {} have no value in common", self.types.show(left.1.ty), self.types.show(right.1.ty));
            let report = Diagnostic::new(Code::NO_OVERLAP, self.span(id), message);
            self.report(report);
        }
    }

    pub(super) fn unary(&mut self, op: UnOp, operand: ExprId, flow: Flow, id: ExprId) -> Flow {
        match op {
            UnOp::Neg => {
                if !self.operand("-", Wants::Number, (operand, flow)) {
                    return Flow::ANY;
                }
                // The negative of a literal is one.
                let literal = match *self.types.kind(flow.ty) {
                    Kind::Literal(Literal::Integer(value)) if matches!(self.ast.expr(operand), Expr::Integer(_)) => {
                        Some(self.types.literal(Literal::Integer(value.wrapping_neg())))
                    }
                    Kind::Literal(Literal::Float(bits)) if matches!(self.ast.expr(operand), Expr::Float(_)) => {
                        Some(self.types.float_literal(-f64::from_bits(bits)))
                    }
                    _ => None,
                };
                let ty = literal.unwrap_or_else(|| match self.types.bases(flow.ty) {
                    base::INTEGER => Ty::INTEGER,
                    base::FLOAT => Ty::FLOAT,
                    bases if bases & !base::NUMBER == 0 => Ty::NUMBER,
                    _ => Ty::ANY,
                });
                Flow { ty, ..flow }
            }
            UnOp::BNot => {
                let fine = self.operand("~", Wants::Bits, (operand, flow)) && !self.has_metamethods(flow.ty);
                if fine { Flow::inferred(Ty::INTEGER) } else { Flow::ANY }
            }
            UnOp::Len => {
                let fine = self.operand("#", Wants::Length, (operand, flow));
                let plain = !self.has_metamethods(flow.ty);
                if fine && plain { Flow::inferred(Ty::INTEGER) } else { Flow::ANY }
            }
            UnOp::Not => {
                let _ = id;
                Flow::inferred(Ty::BOOLEAN)
            }
        }
    }

    /// Whether metamethods may decide what an operator does with such a value.
    fn has_metamethods(&mut self, ty: Ty) -> bool {
        let members = self.types.members(ty);
        members.iter().any(|member| {
            let head = self.types.head(*member);
            match *self.types.kind(head) {
                Kind::Any | Kind::Unknown | Kind::Table | Kind::Userdata | Kind::Opaque(..) => true,
                Kind::Param(_) | Kind::Intersection(_) | Kind::Error => true,
                Kind::Shape(id) => self.types.shape(id).metatable.is_some() || self.types.shape(id).open,
                _ => false,
            }
        })
    }

    /// Checks both operands, the second if the first may be one; whether both may.
    fn operands(&mut self, op: &'static str, wants: Wants, left: (ExprId, Flow), right: (ExprId, Flow)) -> bool {
        (self.decides(op, wants, right.1) || self.operand(op, wants, left))
            && (self.decides(op, wants, left.1) || self.operand(op, wants, right))
    }

    /// Whether a metamethod of this operand may take the other one, whatever that is.
    fn decides(&mut self, op: &str, wants: Wants, other: Flow) -> bool {
        match *self.types.kind(other.ty) {
            // Nobody knows; but a program without such a metamethod means numbers.
            Kind::Any | Kind::Unknown => {
                let key = self.types.key(wants.metamethod(op));
                self.scopes.writes.anywhere(key)
            }
            Kind::Shape(id) if !self.is_strict() => {
                let shape = self.types.shape(id);
                shape.metatable.is_some() || shape.open
            }
            _ => self.has_metamethods(other.ty),
        }
    }

    /// Checks an operand; whether it may be one.
    fn operand(&mut self, op: &'static str, wants: Wants, (id, flow): (ExprId, Flow)) -> bool {
        let flow = self.constrained(flow);
        if flow.ty == Ty::ANY || flow.ty == Ty::NEVER || self.scopes.basic_metatables && !flow.declared {
            return true;
        }
        if flow.ty == Ty::UNKNOWN {
            if !self.is_strict() {
                return true;
            }
            let report = Diagnostic::new(Code::NARROW_FIRST, self.span(id), "operand is unknown; narrow it first");
            self.report(report.with_help("find out what it is with 'type(…)'"));
            return false;
        }
        let fails = self.fails(flow, |checker, member| !checker.accepts(op, wants, member, flow.declared));
        if !fails {
            return true;
        }
        let mut shown = self.types.show(flow.ty);
        if matches!(*self.types.kind(flow.ty), Kind::Shape(_)) {
            shown = format!("table {shown}");
        }
        let what = match wants {
            Wants::Number => "a number",
            Wants::Bits => "an integer",
            Wants::Text => "a string or number",
            Wants::Length => "a string or table",
            Wants::Order => "a number or string",
        };
        let message = format!("operator '{op}': {shown} is not {what}");
        let mut report = Diagnostic::new(Code::BAD_OPERAND, self.span(id), message);
        let rest = self.types.without_nil(flow.ty);
        if rest != flow.ty && rest != Ty::NEVER {
            report = report.with_help("the value may be nil: test it first, or give a default with 'or'");
        } else if wants == Wants::Number && self.types.bases(flow.ty) == base::STRING {
            report = report.with_help("convert it with 'tonumber(…)'; '..' joins strings");
        } else if wants == Wants::Text {
            report = report.with_help("'tostring(…)' gives a text for every value");
        }
        if let Expr::Name(_) = self.ast.expr(id)
            && let Some(path) = self.path_of(id)
            && let Some(place) = self.notes.annotations.get(&self.paths.var(path)).copied()
            && flow.declared
        {
            report = report.with_place(place, "its type is declared here");
        }
        self.report(report);
        false
    }

    /// A type parameter supports what its constraint does.
    pub(super) fn constrained(&mut self, flow: Flow) -> Flow {
        match *self.types.kind(flow.ty) {
            Kind::Param(id) => Flow { ty: self.types.param(id).constraint.unwrap_or(Ty::UNKNOWN), ..flow },
            _ => flow,
        }
    }

    /// Whether the operator has a meaning for values of this type, which is no union.
    fn accepts(&mut self, op: &str, wants: Wants, member: Ty, declared: bool) -> bool {
        let head = self.types.head(member);
        match self.types.kind(head).clone() {
            Kind::Any | Kind::Unknown | Kind::Never | Kind::Userdata | Kind::Intersection(_) | Kind::Union(_) => true,
            Kind::Table | Kind::Opaque(..) | Kind::Param(_) => true,
            Kind::Error => wants == Wants::Text,
            Kind::Integer | Kind::Number | Kind::Float => wants != Wants::Length,
            Kind::Literal(Literal::Integer(_)) => wants != Wants::Length,
            Kind::Literal(Literal::Float(bits)) => match wants {
                Wants::Length => false,
                Wants::Bits => f64::from_bits(bits).fract() == 0.0,
                _ => true,
            },
            Kind::Literal(Literal::String(key)) => match wants {
                Wants::Number | Wants::Bits => {
                    !self.is_strict() && crate::number::parse_number(self.types.key_bytes(key)).is_some()
                }
                _ => true,
            },
            Kind::String => match wants {
                Wants::Number | Wants::Bits => !self.is_strict() && !declared,
                _ => true,
            },
            Kind::Type | Kind::TypeValue(_) | Kind::Generic(_) => wants == Wants::Order,
            Kind::Shape(id) => {
                if wants == Wants::Length {
                    return true;
                }
                let shape = self.types.shape(id);
                if shape.open || shape.escaped && !self.is_strict() || shape.sealed {
                    return true;
                }
                let key = self.types.key(wants.metamethod(op));
                match self.types.shape(id).metatable {
                    None => self.types.shape(id).escaped && self.scopes.writes.anywhere(key),
                    Some(metatable) => match *self.types.kind(metatable) {
                        Kind::Shape(meta) => {
                            self.scopes.writes.anywhere(key) || !matches!(self.types.lookup(meta, key), Found::Absent)
                        }
                        _ => true,
                    },
                }
            }
            // A declared table type says nothing about its metatable.
            Kind::Array { .. } | Kind::Record(_) => {
                wants == Wants::Length || {
                    let key = self.types.key(wants.metamethod(op));
                    self.scopes.writes.anywhere(key)
                }
            }
            Kind::Nil | Kind::Boolean | Kind::Literal(Literal::Boolean(_)) => false,
            Kind::Function | Kind::Func(_) | Kind::Thread => false,
            Kind::Alias(..) => true,
        }
    }
}

fn symbol(op: BinOp) -> &'static str {
    match op {
        BinOp::Or => "or",
        BinOp::And => "and",
        BinOp::Lt => "<",
        BinOp::Gt => ">",
        BinOp::Le => "<=",
        BinOp::Ge => ">=",
        BinOp::Ne => "~=",
        BinOp::Eq => "==",
        BinOp::BOr => "|",
        BinOp::BXor => "~",
        BinOp::BAnd => "&",
        BinOp::Shl => "<<",
        BinOp::Shr => ">>",
        BinOp::Concat => "..",
        BinOp::Add => "+",
        BinOp::Sub => "-",
        BinOp::Mul => "*",
        BinOp::Div => "/",
        BinOp::IDiv => "//",
        BinOp::Mod => "%",
        BinOp::Pow => "^",
    }
}
