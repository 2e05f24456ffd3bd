//! Plain data (`modules.md` §0): what modules keep or hand on of the values of programs.

use crate::runtime::data::Data;
use crate::runtime::errors::{ErrorData, INVALID, value_text};
use crate::vm::Vm;
use crate::vm::object::Table;
use crate::vm::value::{Value, tag};

/// Tables that may be nested.
const MAX_DEPTH: usize = 60;

/// The data of a value that is plain.
///
/// # Errors
/// `Invalid`, with the place of what is no plain data.
pub fn plain(vm: &mut Vm, value: Value) -> Result<Data, ErrorData> {
    match complaint(vm, value, &mut Vec::new(), &mut Vec::new()) {
        None => Ok(Data::of(vm, value)),
        Some(complaint) => Err(ErrorData::judged(INVALID, &complaint, false)),
    }
}

/// What is wrong with a value: where in it something is no plain data.
fn complaint(vm: &mut Vm, value: Value, path: &mut Vec<String>, open: &mut Vec<*mut Table>) -> Option<String> {
    match value.tag() {
        tag::NIL | tag::FALSE | tag::TRUE | tag::INT | tag::FLOAT | tag::STRING => None,
        tag::TABLE => {
            let table = value.as_table();
            if open.contains(&table) {
                return Some(format!("{} contains itself", shown(path)));
            }
            if open.len() >= MAX_DEPTH {
                return Some(format!("{} is nested too deeply", shown(path)));
            }
            open.push(table);
            for (i, item) in vm.array_part(table).iter().enumerate() {
                path.push((i + 1).to_string());
                if let Some(complaint) = complaint(vm, *item, path, open) {
                    return Some(complaint);
                }
                path.pop();
            }
            let mut at = 0;
            while let Some((after, key, value)) = vm.node_after(table, at) {
                at = after;
                path.push(value_text(vm, key));
                for part in [key, value] {
                    if let Some(complaint) = complaint(vm, part, path, open) {
                        return Some(complaint);
                    }
                }
                path.pop();
            }
            open.pop();
            None
        }
        _ => Some(format!("{} is a {}, which is no plain data", shown(path), vm.type_name_of(value))),
    }
}

fn shown(path: &[String]) -> String {
    if path.is_empty() { "the value".to_owned() } else { format!("the value at {}", path.join(".")) }
}
