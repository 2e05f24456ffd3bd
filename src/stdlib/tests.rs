//! Running pieces of Lua in a fresh process with the full libraries.

use crate::vm::Vm;
use crate::vm::exit::Exit;
use crate::vm::image::Image;
use crate::vm::raw::string_bytes;

use super::text::append_plain;

/// Runs a chunk and returns its results as text, separated by spaces; an error as `error: …`.
pub fn eval(source: &str) -> String {
    let image = Image::new(&super::libraries(), false, 1);
    let mut vm = Vm::new(image);
    eval_in(&mut vm, source)
}

/// As [`eval`] in a given process.
pub fn eval_in(vm: &mut Vm, source: &str) -> String {
    let function = match super::load::load_chunk(vm, source.as_bytes(), b"=test") {
        Ok(function) => function,
        Err(error) => return format!("error: {}", String::from_utf8_lossy(string_bytes(error.value))),
    };
    let root = vm.new_root(function);
    let values = match vm.run(root, &[]) {
        Exit::Finished(values) => values,
        Exit::Failed(error) => {
            let mut text = b"error: ".to_vec();
            append_plain(vm, error.value, &mut text);
            return String::from_utf8_lossy(&text).into_owned();
        }
        other => return format!("{other:?}"),
    };
    let texts = values.iter().map(|value| {
        let mut text = Vec::new();
        append_plain(vm, *value, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    texts.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_chunk_runs() {
    assert_eq!(eval("return 1 + 2, 'x', nil, true, 1.5"), "3 x nil true 1.5");
    assert_eq!(eval("return _G._G == _G, _VERSION"), "true Lua 5.3");
}
