use moonlet::stdlib;
use moonlet::vm::{Vm, exit::Exit, image::Image, value::Value};
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let mut vm = Vm::new(Image::new(&stdlib::libraries(), false, 1));
    stdlib::package::install(&mut vm, stdlib::package::DEFAULT_PATH).unwrap();
    stdlib::io::install(&mut vm).unwrap();
    if std::env::var("STRESS").is_ok() { vm.heap.set_stress(true); }
    let show = |vm: &Vm, v: Value| { let mut t = Vec::new(); stdlib::text::append_plain(vm, v, &mut t); String::from_utf8_lossy(&t).into_owned() };
    match stdlib::load::load_file(&mut vm, Some(path.as_bytes())) {
        Ok(f) => { let root = vm.new_root(f); match vm.run(root, &[]) {
            Exit::Finished(_) => { stdlib::stream::flush_all(); }
            Exit::Failed(e) => { stdlib::stream::flush_all(); println!("FAILED {path}: {}\n{}", show(&vm, e.value), e.traceback.unwrap_or_default()); }
            o => println!("{o:?}") } }
        Err(e) => println!("LOAD {}", show(&vm, e.value)),
    }
}
