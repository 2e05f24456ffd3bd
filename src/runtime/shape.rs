//! Tables with fields known beforehand, which the runtime makes again and again: their nodes are copied from a table of the
//! image, and only the values filled in.

use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::Image;
use crate::vm::object::Table;
use crate::vm::table::StaticTable;
use crate::vm::value::Value;

/// The fields of such a table.
pub(super) struct Shape<const N: usize> {
    table: StaticTable,
    /// Indices of their nodes.
    places: [usize; N],
}

impl<const N: usize> Shape<N> {
    /// Fields with these names, all different.
    pub(super) fn new(image: &Image, names: [&str; N]) -> Shape<N> {
        let fields = names.map(|name| image.strings.intern(name.as_bytes()));
        let table = StaticTable::new(&fields.map(|field| (field, Value::TRUE)), true);
        let places = fields.map(|field| {
            // SAFETY: a table and strings of the image.
            let node = unsafe { Table::find_node_str(table.table(), field) };
            node.expect("the table was made with this field").0 as usize
        });
        Shape { table, places }
    }

    /// A table with these values, in the order of the names.
    ///
    /// # Errors
    /// `not enough memory` past the memory limit.
    pub(super) fn make(&self, vm: &mut Vm, values: [Value; N]) -> Result<Value, Box<LuaError>> {
        let shape = self.table.table();
        // SAFETY: the nodes are those of a table, and the places are within them.
        unsafe {
            let nodes = std::slice::from_raw_parts((*shape).nodes, Table::node_count(shape) as usize);
            let table = vm.heap.new_table_of(&[], nodes).map_err(|error| vm.table_error(error))?;
            for (place, value) in self.places.iter().zip(values) {
                (*(*table).nodes.add(*place)).value = value;
            }
            Ok(Value::table(table))
        }
    }
}
