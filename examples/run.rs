use moonlet::app::script::ScriptEntries;
use moonlet::runtime::{LIBRARIES, Runtime, transfer::Parcel};
use moonlet::vm::image::{Image, Library};
use moonlet::vm::native::*;
use moonlet::vm::value::Value;
use moonlet::vm::Vm;
use moonlet::vm::concat::append_text;

fn text(vm: &mut Vm, v: Value) -> String {
    let mut out = Vec::new();
    if append_text(v, &mut out) { return String::from_utf8_lossy(&out).into_owned(); }
    if let Some(e) = moonlet::runtime::errors::error_of(v) { return e.message.to_string(); }
    moonlet::runtime::errors::value_text(vm, v)
}
fn print(vm: &mut Vm, args: Args) -> NativeResult {
    let mut parts = vec![];
    for i in 0..args.len { let v = args.get(vm, i); parts.push(text(vm, v)); }
    println!("{}", parts.join("\t"));
    Ok(Flow::Return(0))
}
fn assert(vm: &mut Vm, args: Args) -> NativeResult {
    if args.get(vm, 0).is_true() { for i in 0..args.len { let v = args.get(vm, i); vm.push(v)?; } return Ok(Flow::Return(args.len)); }
    let m = args.get(vm, 1);
    if m.is_nil() { return Err(vm.error("assertion failed!")); }
    Err(moonlet::vm::error::LuaError::new(m))
}
fn error(vm: &mut Vm, args: Args) -> NativeResult {
    let v = args.get(vm, 0);
    if v.is_string() { let t = text(vm, v); return Err(vm.error(&t)); }
    Err(moonlet::vm::error::LuaError::new(v))
}
fn typef(vm: &mut Vm, args: Args) -> NativeResult {
    let t = moonlet::vm::event::type_name(args.get(vm, 0));
    let s = vm.string(t.as_bytes())?; vm.answer(s)
}
fn tostring(vm: &mut Vm, args: Args) -> NativeResult {
    let v = args.get(vm, 0); let t = text(vm, v);
    let s = vm.string(t.as_bytes())?; vm.answer(s)
}
fn step(vm: &mut Vm, args: Args) -> NativeResult {
    let t = args.get(vm, 0).as_table(); let i = args.get(vm, 1).as_int() + 1;
    let v = vm.raw_get(t, Value::int(i));
    if v.is_nil() { return vm.answer(Value::NIL); }
    vm.push(Value::int(i))?; vm.push(v)?; Ok(Flow::Return(2))
}
static STEP: Native = Native { name: "step", run: step };
fn ipairs(vm: &mut Vm, args: Args) -> NativeResult {
    let t = args.get(vm, 0);
    vm.push(Value::native(&STEP))?; vm.push(t)?; vm.push(Value::int(0))?; Ok(Flow::Return(3))
}
fn require(vm: &mut Vm, args: Args) -> NativeResult {
    let n = args.check_bytes(vm, 0)?;
    let v = vm.image.module(std::str::from_utf8(n).unwrap()).unwrap_or(Value::NIL);
    let v = vm.own(v);
    vm.answer(v)
}
fn gc(vm: &mut Vm, args: Args) -> NativeResult { 
    if args.len > 0 { let n = vm.heap.count_bytes() as f64 / 1024.0; return vm.answer(Value::float(n)); }
    vm.collect(); Ok(Flow::Return(0)) }
fn rss(vm: &mut Vm, _: Args) -> NativeResult {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    let kb: i64 = s.lines().find(|l| l.starts_with("VmRSS")).unwrap().split_whitespace().nth(1).unwrap().parse().unwrap();
    vm.answer(Value::int(kb * 1024))
}
fn pcall(vm: &mut Vm, args: Args) -> NativeResult {
    let _ = vm; Ok(Flow::Call { args: args.len - 1, then: &moonlet::vm::unwind::PCALL })
}
fn format(vm: &mut Vm, args: Args) -> NativeResult {
    let f = args.check_bytes(vm, 0)?; let f = String::from_utf8_lossy(f).into_owned();
    let mut out = String::new(); let mut i = 1; let mut it = f.chars().peekable();
    while let Some(c) = it.next() {
        if c != '%' { out.push(c); continue; }
        while let Some(&d) = it.peek() { it.next(); if d.is_alphabetic() { break; } }
        let v = args.get(vm, i); i += 1;
        if v.is_float() { out += &format!("{:.2}", v.as_float()); } else { out += &text(vm, v); }
    }
    let s = vm.string(out.as_bytes())?; vm.answer(s)
}
static BASE: Library = Library { name: "_G", global: true, natives: &[
    Native { name: "print", run: print }, Native { name: "assert", run: assert }, Native { name: "error", run: error },
    Native { name: "type", run: typef }, Native { name: "tostring", run: tostring }, Native { name: "ipairs", run: ipairs },
    Native { name: "require", run: require }, Native { name: "collectgarbage", run: gc }, Native { name: "pcall", run: pcall },
    Native { name: "rss", run: rss },
], constants: &[] };
static STRING: Library = Library { name: "string", global: true, natives: &[Native { name: "format", run: format }], constants: &[] };

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let path = std::path::Path::new(&path);
    let mut libs: Vec<&'static Library> = vec![&BASE, &STRING];
    libs.extend(LIBRARIES);
    let image = Image::new(&libs, false, 12345);
    let source = std::fs::read(path).unwrap();
    let entry = ScriptEntries::script(&image, path, &source).unwrap_or_else(|e| { eprintln!("{e}"); std::process::exit(1) });
    let mut b = Runtime::builder();
    if let Ok(w) = std::env::var("WORKERS") { b = b.workers(w.parse().unwrap()); }
    let rt = b.build(image, Box::new(ScriptEntries::new(path))).unwrap();
    match rt.run_script(&entry, &Parcel::Empty) {
        Ok(_) => {}
        Err(e) => { eprintln!("error: {} [{}]\n{}", e.message, e.kind, e.stack); std::process::exit(1) }
    }
    std::mem::forget(rt);
}
