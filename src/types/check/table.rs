//! Table constructors (types §2.6).

use super::Checker;
use crate::syntax::Span;
use crate::syntax::ast::{Expr, ExprId, TableItem};
use crate::types::codes::Code;
use crate::types::diagnostic::Diagnostic;
use crate::types::facts::Flow;
use crate::types::names::nearest;
use crate::types::shape::Shape;
use crate::types::ty::{Key, Kind, Literal, Ty};

impl Checker<'_> {
    /// `{…}`
    pub(super) fn table(&mut self, id: ExprId, items: &[TableItem], expected: Option<Ty>) -> Flow {
        if let Some(expected) = expected
            && let Some(member) = self.constructed_member(items, expected)
        {
            let head = self.types.head(member);
            match self.types.kind(head).clone() {
                Kind::Array { elem, .. } => {
                    if self.array_items(items, elem) {
                        return Flow::declared(expected);
                    }
                    return Flow::ANY;
                }
                Kind::Record(_) => {
                    if self.record_items(id, items, head) {
                        return Flow::declared(expected);
                    }
                    return Flow::ANY;
                }
                _ => {}
            }
        }
        self.free_table(id, items)
    }

    /// The member of the expected type that a constructor is checked against: the only table type in it, or the one whose
    /// literal fields agree with those of the constructor.
    fn constructed_member(&mut self, items: &[TableItem], expected: Ty) -> Option<Ty> {
        let members = self.types.members(expected);
        let mut tables: Vec<Ty> = Vec::new();
        for member in members {
            let head = self.types.head(member);
            match self.types.kind(head) {
                Kind::Array { .. } | Kind::Record(_) => tables.push(member),
                Kind::Any | Kind::Unknown | Kind::Table | Kind::Shape(_) | Kind::Intersection(_) | Kind::Param(_) => {
                    return None;
                }
                _ => {}
            }
        }
        if tables.len() < 2 {
            return tables.pop();
        }
        let mut literals: Vec<(Key, Ty)> = Vec::new();
        let mut names: Vec<Key> = Vec::new();
        let mut positional = false;
        for item in items {
            match item {
                TableItem::Named(name, value) => {
                    let key = self.key(name.name);
                    names.push(key);
                    let literal = match self.ast.expr(*value) {
                        Expr::String(bytes) => self.types.string_literal(bytes),
                        Expr::True => Ty::TRUE,
                        Expr::False => Ty::FALSE,
                        Expr::Integer(value) => self.types.literal(Literal::Integer(*value)),
                        _ => continue,
                    };
                    literals.push((key, literal));
                }
                TableItem::Positional(_) => positional = true,
                TableItem::Keyed(..) => {}
            }
        }
        tables.retain(|member| {
            let head = self.types.head(*member);
            match self.types.kind(head).clone() {
                Kind::Array { .. } => names.is_empty(),
                Kind::Record(record) => {
                    let discriminated = literals.iter().all(|(key, literal)| {
                        record.field(*key).is_none_or(|field| self.types.assignable(*literal, field.ty))
                    });
                    discriminated && !(positional && record.indexer.is_none())
                }
                _ => false,
            }
        });
        if tables.len() > 1 {
            let complete = |checker: &mut Self, member: &Ty| {
                let head = checker.types.head(*member);
                let Kind::Record(record) = checker.types.kind(head).clone() else { return true };
                record
                    .fields
                    .iter()
                    .all(|field| field.optional || names.contains(&field.key) || checker.types.accepts_nil(field.ty))
            };
            tables.retain(|member| complete(self, member));
        }
        match tables[..] {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Items of a constructor for an array; whether all fit.
    fn array_items(&mut self, items: &[TableItem], elem: Ty) -> bool {
        let mut fits = true;
        for (at, item) in items.iter().enumerate() {
            match item {
                TableItem::Positional(value) => {
                    let flows = self.item_values(*value, at + 1 == items.len(), elem);
                    for flow in flows {
                        let nil = flow.ty == Ty::NIL;
                        let context = format!("element [{}]: ", at + 1);
                        fits &= nil || self.check_fits(flow, elem, self.span(*value), &context, None);
                    }
                }
                TableItem::Keyed(key, value) => {
                    let key = self.expr(*key, None);
                    let flow = self.expr(*value, Some(elem));
                    if !self.fits(key, Ty::NUMBER) {
                        self.bad_key(key.ty, elem, self.span(*value));
                        fits = false;
                    }
                    fits &= self.check_fits(flow, elem, self.span(*value), "element: ", None);
                }
                TableItem::Named(name, value) => {
                    let _ = self.expr(*value, None);
                    let key = self.key(name.name);
                    let key = self.types.literal(Literal::String(key));
                    self.bad_key(key, elem, name.span);
                    fits = false;
                }
            }
        }
        fits
    }

    fn bad_key(&mut self, key: Ty, elem: Ty, span: Span) {
        let array = self.types.array(elem);
        let message = format!("cannot index {} with {}", self.types.show(array), self.types.show(key));
        self.error(Code::BAD_INDEX, span, message);
    }

    /// The values that a positional item contributes.
    fn item_values(&mut self, value: ExprId, last: bool, elem: Ty) -> Vec<Flow> {
        if !last {
            return vec![self.expr(value, Some(elem))];
        }
        let values = self.multi(value, Some(elem));
        values.items.into_iter().chain(values.tail).collect()
    }

    /// Items of a constructor for a record; whether all fit.
    fn record_items(&mut self, id: ExprId, items: &[TableItem], head: Ty) -> bool {
        let Kind::Record(record) = self.types.kind(head).clone() else { return true };
        let mut fits = true;
        let mut seen: hashbrown::HashSet<Key> = hashbrown::HashSet::new();
        let mut open = false;
        for (at, item) in items.iter().enumerate() {
            let (name, span, value) = match item {
                TableItem::Named(name, value) => (Some(self.key(name.name)), name.span, *value),
                TableItem::Keyed(key, value) => match self.ast.expr(*key) {
                    Expr::String(bytes) => (Some(self.types.key(bytes)), self.span(*key), *value),
                    _ => {
                        let index = self.expr(*key, None);
                        open = true;
                        fits &= self.indexed_item(head, index, *value, self.span(*key));
                        continue;
                    }
                },
                TableItem::Positional(value) => {
                    let elem = record.indexer.map_or(Ty::ANY, |(_, v)| v);
                    let flows = self.item_values(*value, at + 1 == items.len(), elem);
                    if let Some((index, _)) = record.indexer {
                        if !self.types.assignable(Ty::INTEGER, index) {
                            let message = format!("cannot index {} with integer", self.types.show(head));
                            self.error(Code::BAD_INDEX, self.span(*value), message);
                            fits = false;
                            continue;
                        }
                        for flow in flows {
                            fits &= self.check_fits(flow, elem, self.span(*value), "element: ", None);
                        }
                    }
                    continue;
                }
            };
            let name = name.expect("items without a name were handled");
            seen.insert(name);
            match self.types.field(head, name) {
                Some(field) => {
                    let ty = if field.optional { self.types.optional(field.ty) } else { field.ty };
                    self.trace_name(span, ty);
                    let flow = self.expr(value, Some(ty));
                    let context = format!("field '{}': ", self.types.key_text(name));
                    fits &= self.check_fits(flow, ty, self.span(value), &context, None);
                }
                None if record.indexer.is_some() => {
                    let index = Flow::inferred(self.types.literal(Literal::String(name)));
                    fits &= self.indexed_item(head, index, value, span);
                }
                None => {
                    let _ = self.expr(value, None);
                    let text = self.types.key_text(name).into_owned();
                    let message = format!("{} does not mention the field '{text}'", self.types.show(head));
                    let names = record.fields.iter().map(|field| self.types.key_bytes(field.key));
                    let near = nearest(text.as_bytes(), names, &mut self.notes.suggestions);
                    let mut report = Diagnostic::new(Code::EXCESS_FIELD, span, message);
                    report.help = near.map(|near| format!("did you mean '{near}'?"));
                    self.report(report);
                }
            }
        }
        for field in &record.fields {
            if seen.contains(&field.key) || field.optional || open || self.types.accepts_nil(field.ty) {
                continue;
            }
            let name = self.types.key_text(field.key).into_owned();
            let report = Diagnostic::new(Code::MISMATCH, self.span(id), format!("field '{name}' is missing"));
            let whole = self.types.show(head);
            self.report(report.with_note(format!("{whole} is expected here")));
            fits = false;
        }
        fits
    }

    fn indexed_item(&mut self, head: Ty, index: Flow, value: ExprId, span: Span) -> bool {
        let Kind::Record(record) = self.types.kind(head).clone() else { return true };
        let Some((key, of)) = record.indexer else {
            let _ = self.expr(value, None);
            return true;
        };
        if !self.fits(index, key) {
            let message = format!("cannot index {} with {}", self.types.show(head), self.types.show(index.ty));
            self.error(Code::BAD_INDEX, span, message);
            let _ = self.expr(value, None);
            return false;
        }
        let flow = self.expr(value, Some(of));
        let slot = self.types.optional(of);
        self.check_fits(flow, slot, self.span(value), "element: ", None)
    }

    /// A constructor that nobody expects anything of.
    fn free_table(&mut self, id: ExprId, items: &[TableItem]) -> Flow {
        let (shape, ty) = self.types.new_shape(Shape::default());
        for (at, item) in items.iter().enumerate() {
            match item {
                TableItem::Positional(value) => {
                    let last = at + 1 == items.len();
                    let values =
                        if last { self.multi(*value, None) } else { super::expr::Values::one(self.expr(*value, None)) };
                    for flow in values.items.iter().chain(&values.tail) {
                        self.types.store_elem(shape, flow.ty);
                    }
                }
                TableItem::Named(name, value) => {
                    let flow = self.expr(*value, None);
                    let key = self.key(name.name);
                    self.grow_field(shape, key, flow.ty, name.span);
                }
                TableItem::Keyed(key, value) => {
                    let index = self.expr(*key, None);
                    if index.ty == Ty::NIL && matches!(self.ast.expr(*key), Expr::Nil) {
                        self.error(Code::BAD_INDEX, self.span(*key), "the key is nil");
                    }
                    let flow = self.expr(*value, None);
                    match *self.types.kind(index.ty) {
                        Kind::Literal(Literal::String(name)) => {
                            self.grow_field(shape, name, flow.ty, self.span(*key));
                        }
                        Kind::Integer | Kind::Literal(Literal::Integer(_)) => {
                            self.types.store_elem(shape, flow.ty);
                        }
                        _ => {
                            let (key, value) = (self.types.widen(index.ty), self.types.widen(flow.ty));
                            self.types.store_indexed(shape, key, value);
                        }
                    }
                }
            }
        }
        let _ = id;
        Flow::inferred(ty)
    }
}
