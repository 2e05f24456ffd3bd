//! `T:schema()`: a type as a JSON Schema (types §5.7), for data that is described to others.

use super::types::this;
use crate::bytecode::types::{Basic, Literal, Rule};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, NativeResult};
use crate::vm::object::Table;
use crate::vm::types::{Shape, TableShape, TypeRef};
use crate::vm::value::Value;

/// Parts of a schema; a type that shares parts may have many more than it looks.
const MAX_PARTS: u32 = 100_000;
/// Levels of a schema.
const MAX_DEPTH: u32 = 200;

/// Where the schemas of recursive types stand.
const DEFINITIONS: &str = "$defs";

type Made = Result<Option<*mut Table>, Box<LuaError>>;

/// The schema as a table; nil if the type has values that are no data.
pub(super) fn schema(vm: &mut Vm, args: Args) -> NativeResult {
    let ty = this(vm, args)?;
    let mut schema = Schema { vm, definitions: Vec::new(), parts: 0 };
    let whole = schema.of(ty, 0)?;
    let definitions = schema.definitions;
    let Some(whole) = whole else { return vm.answer(Value::NIL) };
    if !definitions.is_empty() {
        let all = vm.new_table(0, definitions.len() as u32);
        for definition in &definitions {
            set(vm, all, &definition.name, Value::table(definition.schema))?;
        }
        set(vm, whole, DEFINITIONS, Value::table(all))?;
    }
    vm.answer(Value::table(whole))
}

/// The schema of a recursive type.
struct Definition {
    ty: TypeRef,
    name: String,
    schema: *mut Table,
}

/// A schema under construction. Nothing collects meanwhile.
struct Schema<'a> {
    vm: &'a mut Vm,
    definitions: Vec<Definition>,
    parts: u32,
}

fn set(vm: &mut Vm, table: *mut Table, key: &str, value: Value) -> Result<(), Box<LuaError>> {
    let key = vm.string(key.as_bytes())?;
    vm.raw_set(table, key, value)
}

impl Schema<'_> {
    fn set(&mut self, table: *mut Table, key: &str, value: Value) -> Result<(), Box<LuaError>> {
        set(self.vm, table, key, value)
    }

    fn set_text(&mut self, table: *mut Table, key: &str, text: &[u8]) -> Result<(), Box<LuaError>> {
        let text = self.vm.string(text)?;
        self.set(table, key, text)
    }

    /// `{type = name}`
    fn plain(&mut self, name: &str) -> Result<*mut Table, Box<LuaError>> {
        let schema = self.vm.new_table(0, 2);
        self.set_text(schema, "type", name.as_bytes())?;
        Ok(schema)
    }

    /// The schema of a type; `None` if values of it are no data.
    fn of(&mut self, ty: TypeRef, depth: u32) -> Made {
        self.parts += 1;
        if self.parts > MAX_PARTS || depth > MAX_DEPTH {
            return Err(self.vm.error("type too large for a schema"));
        }
        Ok(Some(match &ty.shape {
            Shape::Basic(basic) => match basic {
                Basic::Nil => self.plain("null")?,
                Basic::Boolean => self.plain("boolean")?,
                Basic::Number | Basic::Float => self.plain("number")?,
                Basic::Integer => self.plain("integer")?,
                Basic::String => self.plain("string")?,
                Basic::Table => self.plain("object")?,
                Basic::Any | Basic::Unknown => self.vm.new_table(0, 0),
                Basic::Never => {
                    let (schema, all) = (self.vm.new_table(0, 1), self.vm.new_table(0, 0));
                    self.set(schema, "not", Value::table(all))?;
                    schema
                }
                Basic::Function | Basic::Thread | Basic::Userdata | Basic::Error | Basic::Type => return Ok(None),
            },
            Shape::Literal(literal) => {
                let schema = self.vm.new_table(0, 1);
                let value = self.literal(literal)?;
                self.set(schema, "const", value)?;
                schema
            }
            Shape::Array(item, _) => {
                let Some(items) = self.of(*item, depth + 1)? else { return Ok(None) };
                let schema = self.plain("array")?;
                self.set(schema, "items", Value::table(items))?;
                schema
            }
            Shape::Table(table) => return self.object(table, depth),
            Shape::Optional(inner) => {
                let null = self.vm.image.types.basic(Basic::Nil);
                return self.list("anyOf", &[*inner, null], depth);
            }
            Shape::Union(members) => match self.enumeration(members)? {
                Some(schema) => schema,
                None => return self.list("anyOf", members, depth),
            },
            Shape::Intersection(parts) => return self.list("allOf", parts, depth),
            Shape::Validated(inner, rules) => {
                let Some(schema) = self.of(*inner, depth + 1)? else { return Ok(None) };
                for rule in rules {
                    self.rule(schema, *inner, rule)?;
                }
                schema
            }
            Shape::Recursive(declaration, _) => {
                let known = self.definitions.iter().find(|known| known.ty.identity() == ty.identity());
                let name = match known {
                    Some(known) => known.name.clone(),
                    None => {
                        let name = self.free_name(&declaration.alias().name);
                        let place = self.definitions.len();
                        let schema = self.vm.new_table(0, 0);
                        self.definitions.push(Definition { ty, name: name.clone(), schema });
                        let body = self.vm.image.types.expand(ty);
                        let Some(schema) = self.of(body, depth + 1)? else { return Ok(None) };
                        self.definitions[place].schema = schema;
                        name
                    }
                };
                let schema = self.vm.new_table(0, 1);
                self.set_text(schema, "$ref", format!("#/{DEFINITIONS}/{name}").as_bytes())?;
                schema
            }
            Shape::Function(_) | Shape::Generic(_) | Shape::Opaque(_) | Shape::Tuple(..) => return Ok(None),
        }))
    }

    /// The name of an alias, or with a number if another one has it.
    fn free_name(&self, alias: &str) -> String {
        let taken = |name: &String| self.definitions.iter().any(|known| known.name == *name);
        let numbered = (2..).map(|n| format!("{alias}{n}"));
        std::iter::once(alias.to_owned()).chain(numbered).find(|name| !taken(name)).expect("names do not run out")
    }

    fn literal(&mut self, literal: &Literal) -> Result<Value, Box<LuaError>> {
        super::reflection::literal_value(self.vm, literal)
    }

    fn object(&mut self, table: &TableShape, depth: u32) -> Made {
        let schema = self.plain("object")?;
        let (properties, required) = (self.vm.new_table(0, table.fields.len() as u32), self.vm.new_table(0, 0));
        let mut count = 0;
        for field in &table.fields {
            let Some(ty) = self.of(without_nil(field.ty), depth + 1)? else { return Ok(None) };
            let name = self.vm.string(field.name())?;
            self.vm.raw_set(properties, name, Value::table(ty))?;
            if !field.optional && !matches!(field.ty.shape, Shape::Optional(_)) {
                count += 1;
                self.vm.raw_set_int(required, count, name)?;
            }
        }
        if !table.fields.is_empty() {
            self.set(schema, "properties", Value::table(properties))?;
        }
        if count > 0 {
            self.set(schema, "required", Value::table(required))?;
        }
        if let Some((_, value, _)) = table.indexer {
            let Some(value) = self.of(without_nil(value), depth + 1)? else { return Ok(None) };
            self.set(schema, "additionalProperties", Value::table(value))?;
        }
        Ok(Some(schema))
    }

    fn list(&mut self, key: &str, types: &[TypeRef], depth: u32) -> Made {
        let list = self.vm.new_table(types.len() as u32, 0);
        for (place, ty) in (1..).zip(types) {
            let Some(part) = self.of(*ty, depth + 1)? else { return Ok(None) };
            self.vm.raw_set_int(list, place, Value::table(part))?;
        }
        let schema = self.vm.new_table(0, 1);
        self.set(schema, key, Value::table(list))?;
        Ok(Some(schema))
    }

    /// `{enum = {…}}` if all members are literals.
    fn enumeration(&mut self, members: &[TypeRef]) -> Made {
        let values = self.vm.new_table(members.len() as u32, 0);
        for (place, member) in (1..).zip(members) {
            let Shape::Literal(literal) = &member.shape else { return Ok(None) };
            let value = self.literal(literal)?;
            self.vm.raw_set_int(values, place, value)?;
        }
        let schema = self.vm.new_table(0, 1);
        self.set(schema, "enum", Value::table(values))?;
        Ok(Some(schema))
    }

    fn rule(&mut self, schema: *mut Table, inner: TypeRef, rule: &Rule) -> Result<(), Box<LuaError>> {
        let [least, most] = match &self.vm.image.types.structure(inner).shape {
            Shape::Array(..) => ["minItems", "maxItems"],
            Shape::Table(_) => ["minProperties", "maxProperties"],
            _ => ["minLength", "maxLength"],
        };
        match rule {
            Rule::Min(limit) => {
                let limit = self.literal(limit)?;
                self.set(schema, "minimum", limit)
            }
            Rule::Max(limit) => {
                let limit = self.literal(limit)?;
                self.set(schema, "maximum", limit)
            }
            Rule::MinLen(limit) => self.set(schema, least, Value::int(*limit as i64)),
            Rule::MaxLen(limit) => self.set(schema, most, Value::int(*limit as i64)),
            Rule::Pattern(text) => self.set_text(schema, "pattern", text.as_bytes()),
            Rule::Integer => self.set_text(schema, "type", b"integer"),
            Rule::Closed => self.set(schema, "additionalProperties", Value::FALSE),
            // Schemas know no such thing.
            Rule::Host(_) => Ok(()),
        }
    }
}

/// The type of a field that is there: in JSON, what is nil is left out.
fn without_nil(ty: TypeRef) -> TypeRef {
    match &ty.shape {
        Shape::Optional(inner) => *inner,
        _ => ty,
    }
}
