//! Whether a value is of a type (types §5.4).
//!
//! House rules:
//! * No Lua code runs and nothing of the value changes, so that pointers into tables stay valid throughout.
//! * The recursion follows tables [`MAX_DEPTH`] levels deep and types [`MAX_LEVELS`]; both ends are a failure of the value.
//! * A table is looked at once for each type: while it is being looked at it counts as passing, so that cycles end. What was
//!   found under that assumption is forgotten when a member of a union fails, except that it failed.
//! * The steps to a failure are noted on the way back from it; success notes nothing. Whoever asks for several failures gets
//!   them in the same walk: what follows a failure is looked at until there are as many as wanted.

use hashbrown::HashMap;

use super::failure::{Failure, Problem, Report, Step};
use super::set::judged_by;
use super::subtype::number;
use super::{Field, Shape, TableShape, Type, TypeRef, bit};
use crate::bytecode::types::{Basic, Literal, Rule};
use crate::types::Scalar;
use crate::vm::Vm;
use crate::vm::compare::{Order, order_numbers};
use crate::vm::event::Event;
use crate::vm::object::{Str, Table};
use crate::vm::raw::string_bytes;
use crate::vm::table::Position;
use crate::vm::value::{Value, tag};

/// Levels of tables in tables.
const MAX_DEPTH: u32 = 200;

/// Types within types, tables or not.
const MAX_LEVELS: u32 = 1600;

/// Metatables whose `__index` is followed for a field.
const MAX_INDEX: u32 = 16;

/// Values looked at for one unit of the process's budget.
const VALUES_PER_UNIT: u32 = 16;

impl Vm {
    /// Whether a value is of a type.
    #[inline]
    pub fn is_of_type(&mut self, ty: TypeRef, value: Value) -> bool {
        passes_at_sight(ty, value) || self.check(ty, value, 1, |_| ()).is_ok()
    }

    /// The same; if not, why.
    ///
    /// # Errors
    /// The first thing that is wrong.
    #[inline]
    pub fn validate(&mut self, ty: TypeRef, value: Value) -> Result<(), Box<Report>> {
        if passes_at_sight(ty, value) {
            return Ok(());
        }
        self.check(ty, value, 1, |check| {
            let first = check.failures.first().expect("what does not hold has failed somewhere");
            Box::new(first.failure.report(check.vm, ty, &first.steps))
        })
    }

    /// The same; if not, up to `limit` things that are wrong, in the order in which they were found.
    ///
    /// # Errors
    /// At least one, unless the limit is 0.
    pub fn validate_all(&mut self, ty: TypeRef, value: Value, limit: usize) -> Result<(), Vec<Report>> {
        self.check(ty, value, limit.max(1), |check| {
            let failures = check.failures.iter().take(limit);
            failures.map(|found| found.failure.report(check.vm, ty, &found.steps)).collect()
        })
    }

    fn check<E>(
        &mut self,
        ty: TypeRef,
        value: Value,
        limit: usize,
        tell: impl FnOnce(&Check<'_>) -> E,
    ) -> Result<(), E> {
        let mut check = Check { vm: self, failures: Vec::new(), limit, looked: 0, levels: 0, seen: None };
        let holds = check.value(ty, value, 0);
        check.vm.fuel -= i64::from(check.looked / VALUES_PER_UNIT);
        if holds { Ok(()) } else { Err(tell(&check)) }
    }
}

/// A failure, and the steps from it outwards.
struct Found {
    failure: Failure,
    steps: Vec<Step>,
}

/// What is known of a table and a type.
#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    /// It passes, or is being looked at.
    Passes,
    Fails,
}

/// The pairs of table and type met so far.
#[derive(Default)]
struct Seen {
    verdicts: HashMap<(*mut Table, *const Type), Verdict>,
    /// Those that pass, in the order in which they were met.
    trail: Vec<(*mut Table, *const Type)>,
}

struct Check<'a> {
    vm: &'a mut Vm,
    failures: Vec<Found>,
    /// Failures that are wanted.
    limit: usize,
    looked: u32,
    levels: u32,
    /// Made at the second level of tables.
    seen: Option<Box<Seen>>,
}

impl Check<'_> {
    #[cold]
    fn fail(&mut self, problem: Problem, ty: TypeRef, value: Value) -> bool {
        self.failures.push(Found { failure: Failure { problem, ty, value }, steps: Vec::new() });
        false
    }

    /// Notes on the failures found since there were `mark` that a step leads to them. Whether these are enough.
    #[cold]
    fn step(&mut self, mark: usize, step: Step) -> bool {
        for found in &mut self.failures[mark..] {
            found.steps.push(step);
        }
        self.is_enough()
    }

    fn is_enough(&self) -> bool {
        self.failures.len() >= self.limit
    }

    #[inline]
    fn value(&mut self, ty: TypeRef, value: Value, depth: u32) -> bool {
        if passes_at_sight(ty, value) {
            return true;
        }
        if ty.doubts & bit(value) == 0 {
            return self.wrong_kind(ty, value);
        }
        self.levels += 1;
        let holds =
            if self.levels > MAX_LEVELS { self.fail(Problem::TooDeep, ty, value) } else { self.look(ty, value, depth) };
        self.levels -= 1;
        holds
    }

    /// The value is of another kind than the type. What is told is what the type wants apart from nil and validators.
    #[cold]
    fn wrong_kind(&mut self, ty: TypeRef, value: Value) -> bool {
        let mut wanted = ty;
        while let Shape::Optional(inner) | Shape::Validated(inner, _) = &wanted.shape {
            wanted = *inner;
        }
        if let Shape::Intersection(parts) = &wanted.shape
            && let Some(part) = parts.iter().find(|part| (part.passes | part.doubts) & bit(value) == 0)
        {
            wanted = *part;
        }
        self.fail(Problem::Type, wanted, value)
    }

    fn look(&mut self, ty: TypeRef, value: Value, depth: u32) -> bool {
        match shape_of(&ty) {
            Shape::Table(table) => self.table(ty, value, depth, |this, depth| this.record(ty, table, value, depth)),
            Shape::Array(item, _) => self.table(ty, value, depth, |this, depth| this.array(ty, *item, value, depth)),
            Shape::Optional(inner) => self.value(*inner, value, depth),
            Shape::Union(members) => self.union(ty, members, value, depth),
            Shape::Intersection(parts) => {
                let mark = self.failures.len();
                let holds = |this: &mut Self, part: &TypeRef| this.value(*part, value, depth) || !this.is_enough();
                parts.iter().all(|part| holds(self, part)) && self.failures.len() == mark
            }
            Shape::Validated(inner, rules) => self.value(*inner, value, depth) && self.rules(ty, *inner, rules, value),
            Shape::Literal(literal) => {
                let same = match literal {
                    Literal::Integer(wanted) => value.as_int() == *wanted,
                    Literal::Float(wanted) => value.as_float() == f64::from_bits(*wanted),
                    Literal::String(wanted) => string_bytes(value) == &**wanted,
                    Literal::Boolean(wanted) => value.is_true() == *wanted,
                };
                same || self.fail(Problem::Type, ty, value)
            }
            Shape::Recursive(..) => {
                let body = self.vm.image.types.expand(ty);
                self.value(body, value, depth)
            }
            Shape::Basic(Basic::Error) => {
                self.vm.class_of(value) == Some(Basic::Error.name()) || self.fail(Problem::Type, ty, value)
            }
            Shape::Opaque(class) => self.vm.class_of(value) == Some(&**class) || self.fail(Problem::Type, ty, value),
            Shape::Basic(Basic::Function) | Shape::Function(_) => {
                !self.vm.handler(value, Event::Call).is_nil() || self.fail(Problem::Type, ty, value)
            }
            Shape::Basic(_) | Shape::Generic(_) | Shape::Tuple(..) => self.fail(Problem::Type, ty, value),
        }
    }

    #[inline(never)]
    fn union(&mut self, ty: TypeRef, members: &[TypeRef], value: Value, depth: u32) -> bool {
        let bit = bit(value);
        let mark = self.failures.len();
        let trail = self.seen.as_ref().map_or(0, |seen| seen.trail.len());
        // What the members say that have the right kind.
        let mut reasons = Vec::new();
        for member in members.iter().filter(|member| member.doubts & bit != 0) {
            if self.value(*member, value, depth) {
                self.failures.truncate(mark);
                return true;
            }
            self.forget(trail);
            let said: Vec<_> = self.failures.drain(mark..).collect();
            if said.iter().any(|found| matches!(found.failure.problem, Problem::TooDeep)) {
                self.failures.extend(said);
                return false;
            }
            if is_container(member) {
                reasons.push((*member, said));
            }
        }
        // What a member says is the reason if it is the only one of this kind, or the one the value claims to be.
        let told = match reasons.len() {
            0 => None,
            1 => Some(0),
            _ if !value.is_table() => None,
            _ => self.claimed(reasons.iter().map(|(member, ..)| *member), value),
        };
        match told {
            Some(place) => {
                self.failures.extend(reasons.swap_remove(place).1);
                false
            }
            None => self.fail(Problem::Type, ty, value),
        }
    }

    /// The place of the only record among the members that the table, by a field with a literal type, claims to be.
    #[cold]
    fn claimed(&mut self, members: impl Iterator<Item = TypeRef>, value: Value) -> Option<usize> {
        let mut claimed = members.enumerate().filter(|(_, member)| {
            let Shape::Table(table) = shape_of(member) else { return false };
            table.fields.iter().any(|field| match &field.ty.shape {
                Shape::Literal(Literal::String(wanted)) => {
                    let found = self.field(value.as_table(), self.vm.metatable_of(value), field);
                    found.is_string() && string_bytes(found) == &**wanted
                }
                _ => false,
            })
        });
        let (first, _) = claimed.next()?;
        if claimed.next().is_some() { None } else { Some(first) }
    }

    /// Forgets which pairs pass that were met since the trail had this length.
    fn forget(&mut self, mark: usize) {
        if let Some(seen) = &mut self.seen {
            for pair in seen.trail.drain(mark..) {
                if seen.verdicts.get(&pair) == Some(&Verdict::Passes) {
                    seen.verdicts.remove(&pair);
                }
            }
        }
    }

    // ---- tables

    /// Looks into a table, unless that was done for this type.
    #[inline]
    fn table(&mut self, ty: TypeRef, value: Value, depth: u32, look: impl FnOnce(&mut Self, u32) -> bool) -> bool {
        // Met again, the outermost table costs one more look, which only repeats what is wrong.
        let untracked = depth == 0 && self.limit == 1;
        if untracked || !ty.nests || !value.is_table() {
            return look(self, depth + 1);
        }
        if depth >= MAX_DEPTH {
            return self.fail(Problem::TooDeep, ty, value);
        }
        let pair = (value.as_table(), std::ptr::from_ref::<Type>(&ty));
        let seen = self.seen.get_or_insert_default();
        match seen.verdicts.get(&pair) {
            Some(Verdict::Passes) => return true,
            Some(Verdict::Fails) => return self.fail(Problem::Type, ty, value),
            None => {}
        }
        seen.verdicts.insert(pair, Verdict::Passes);
        seen.trail.push(pair);
        let holds = look(self, depth + 1);
        if !holds && let Some(seen) = &mut self.seen {
            seen.verdicts.insert(pair, Verdict::Fails);
        }
        holds
    }

    fn record(&mut self, ty: TypeRef, shape: &TableShape, value: Value, depth: u32) -> bool {
        self.looked += shape.fields.len() as u32;
        let table = if value.is_table() { value.as_table() } else { std::ptr::null_mut() };
        let metatable = self.vm.metatable_of(value);
        let mark = self.failures.len();
        for (place, field) in shape.fields.iter().enumerate() {
            let found = self.field(table, metatable, field);
            if field.passes & bit(found) != 0 {
                continue;
            }
            let before = self.failures.len();
            if !self.value(field.ty, found, depth) && self.bad_field(before, ty, place, found) {
                return false;
            }
        }
        if let Some((key, item, _)) = shape.indexer {
            self.entries(ty, shape, (key, item), value, depth);
        }
        self.failures.len() == mark
    }

    /// Notes that the value found in a field of a record is wrong, or that nothing was found. Whether that is enough.
    #[cold]
    fn bad_field(&mut self, mark: usize, ty: TypeRef, place: usize, value: Value) -> bool {
        if value.is_nil()
            && let [found, ..] = &mut self.failures[mark..]
            && matches!(found.failure.problem, Problem::Type)
        {
            found.failure.problem = Problem::Missing;
        }
        self.step(mark, Step::Field(ty, place))
    }

    /// The value of a field: raw, and along the `__index` tables of metatables. Either may be null.
    #[inline(always)]
    fn field(&mut self, table: *mut Table, metatable: *mut Table, field: &Field) -> Value {
        let name = field.name.as_ptr();
        if !table.is_null() {
            // SAFETY: a live table; the name is a string of the image, which is hashed.
            let value = unsafe { Table::get_str(table, &mut self.vm.heap, name) };
            if !value.is_nil() {
                return value;
            }
        }
        if metatable.is_null() { Value::NIL } else { self.inherited(metatable, name) }
    }

    #[cold]
    fn inherited(&mut self, mut metatable: *mut Table, name: *mut Str) -> Value {
        for _ in 0..MAX_INDEX {
            let index = self.vm.handler_in(metatable, Event::Index);
            if !index.is_table() {
                break;
            }
            // SAFETY: a live table and a string of the image.
            let value = unsafe { Table::get_str(index.as_table(), &mut self.vm.heap, name) };
            if !value.is_nil() {
                return value;
            }
            // SAFETY: as above.
            metatable = unsafe { (*index.as_table()).metatable };
        }
        Value::NIL
    }

    fn array(&mut self, ty: TypeRef, item: TypeRef, value: Value, depth: u32) -> bool {
        let table = value.as_table();
        let n = self.vm.raw_len(table);
        if n == 0 && self.first_entry(table).is_some() {
            return self.fail(Problem::Type, ty, value);
        }
        self.looked = self.looked.saturating_add(n as u32);
        let mark = self.failures.len();
        let passes = item.passes | bit(Value::NIL);
        for i in 1..=n {
            let found = self.vm.raw_get_int(table, i);
            if passes & bit(found) != 0 {
                continue;
            }
            let before = self.failures.len();
            if !self.value(item, found, depth) && self.step(before, Step::Key(Value::int(i))) {
                return false;
            }
        }
        self.failures.len() == mark
    }

    /// The first entry of a table, whose globals are filled in by that.
    fn first_entry(&mut self, table: *mut Table) -> Option<(Value, Value)> {
        self.vm.raw_next(table, Value::NIL).ok().flatten()
    }

    /// The entries that are no fields; what fails is noted.
    fn entries(&mut self, ty: TypeRef, shape: &TableShape, (key, item): (TypeRef, TypeRef), value: Value, depth: u32) {
        let table = value.as_table();
        if self.first_entry(table).is_none() {
            return;
        }
        let mut position = Position::START;
        // SAFETY: a live table, which nothing changes meanwhile.
        while let Some((next, found_key, found)) = unsafe { Table::iter_from(table, position) } {
            position = next;
            self.looked = self.looked.saturating_add(1);
            if !shape.fields.is_empty() && is_field(ty, found_key) {
                continue;
            }
            let before = self.failures.len();
            if !self.value(key, found_key, depth) {
                self.failures.truncate(before);
                self.fail(Problem::Key, wanted_key(key), found_key);
            } else if !self.value(item, found, depth) {
                self.step(before, Step::Key(found_key));
            }
            if self.is_enough() {
                return;
            }
        }
    }

    // ---- validators

    #[inline(never)]
    fn rules(&mut self, ty: TypeRef, inner: TypeRef, rules: &[Rule], value: Value) -> bool {
        let bit = bit(value);
        let mark = self.failures.len();
        let mut patterns = ty.patterns.iter();
        for (place, rule) in rules.iter().enumerate() {
            let pattern = if matches!(rule, Rule::Pattern(_)) { patterns.next() } else { None };
            if judged_by(rule) & bit == 0 {
                continue;
            }
            let problem = match rule {
                Rule::Min(limit) if order_numbers(Order::Le, number(limit), value) => continue,
                Rule::Max(limit) if order_numbers(Order::Le, value, number(limit)) => continue,
                Rule::Integer if value.is_int() || value.as_float().fract() == 0.0 => continue,
                Rule::Pattern(_) if pattern.is_some_and(|pattern| pattern.is_match(string_bytes(value))) => continue,
                Rule::Host(rule) if scalar(value).is_some_and(|value| rule.passes(value)) => continue,
                Rule::Min(_) | Rule::Max(_) | Rule::Integer | Rule::Pattern(_) | Rule::Host(_) => Problem::Rule(place),
                Rule::MinLen(limit) | Rule::MaxLen(limit) => {
                    let length = self.length(inner, value);
                    let fits = if matches!(rule, Rule::MinLen(_)) { length >= *limit } else { length <= *limit };
                    if fits {
                        continue;
                    }
                    Problem::Length(place, length)
                }
                Rule::Closed => match self.unexpected(inner, value) {
                    Some(key) => Problem::Unexpected(key),
                    None => continue,
                },
            };
            self.fail(problem, ty, value);
            if self.is_enough() {
                return false;
            }
        }
        self.failures.len() == mark
    }

    /// Bytes of a string, entries of a map, items of any other table.
    fn length(&mut self, ty: TypeRef, value: Value) -> u64 {
        if value.tag() == tag::STRING {
            return string_bytes(value).len() as u64;
        }
        let ty = self.vm.image.types.expand(ty);
        if !matches!(&ty.shape, Shape::Table(_)) {
            return self.vm.raw_len(value.as_table()) as u64;
        }
        let mut count = 0;
        let mut position = Position::START;
        self.first_entry(value.as_table());
        // SAFETY: a live table, which nothing changes meanwhile.
        while let Some((next, ..)) = unsafe { Table::iter_from(value.as_table(), position) } {
            position = next;
            count += 1;
        }
        self.looked = self.looked.saturating_add(count as u32);
        count
    }

    /// A key that a record does not name.
    fn unexpected(&mut self, ty: TypeRef, value: Value) -> Option<Value> {
        let mut ty = self.vm.image.types.expand(ty);
        if let Shape::Optional(inner) = &ty.shape {
            ty = self.vm.image.types.expand(*inner);
        }
        if !matches!(&ty.shape, Shape::Table(table) if table.indexer.is_none()) {
            return None;
        }
        self.first_entry(value.as_table());
        let mut position = Position::START;
        // SAFETY: a live table, which nothing changes meanwhile.
        while let Some((next, key, _)) = unsafe { Table::iter_from(value.as_table(), position) } {
            position = next;
            self.looked = self.looked.saturating_add(1);
            if !is_field(ty, key) {
                return Some(key);
            }
        }
        None
    }
}

/// Whether it takes no walk to see that the value passes.
#[inline(always)]
fn passes_at_sight(ty: TypeRef, value: Value) -> bool {
    ty.passes & bit(value) != 0 || ty.glance.passes(value)
}

/// What a type is, for as long as its image.
fn shape_of<'a>(ty: &TypeRef) -> &'a Shape {
    // SAFETY: the machine that validates holds the image.
    unsafe { &(*ty.0.as_ptr()).shape }
}

/// A value that a validator of the host may look at.
fn scalar(value: Value) -> Option<Scalar<'static>> {
    match value.tag() {
        tag::FALSE => Some(Scalar::Boolean(false)),
        tag::TRUE => Some(Scalar::Boolean(true)),
        tag::INT => Some(Scalar::Integer(value.as_int())),
        tag::FLOAT => Some(Scalar::Float(value.as_float())),
        tag::STRING => Some(Scalar::String(string_bytes(value))),
        _ => None,
    }
}

fn is_container(ty: &TypeRef) -> bool {
    matches!(ty.shape, Shape::Array(..) | Shape::Table(_) | Shape::Recursive(..))
}

/// What is said of a key: the literals of a union, or the kind.
fn wanted_key(ty: TypeRef) -> TypeRef {
    match &ty.shape {
        Shape::Validated(inner, _) => *inner,
        _ => ty,
    }
}

/// Whether a record names a key. The fields of the type without names are sorted.
fn is_field(ty: TypeRef, key: Value) -> bool {
    match shape_of(&ty.identity()) {
        Shape::Table(table) if key.is_string() => {
            table.fields.binary_search_by(|field| field.name().cmp(string_bytes(key))).is_ok()
        }
        _ => false,
    }
}
