use moonlet::vm::*;
use moonlet::vm::image::*;
use moonlet::vm::native::*;
use moonlet::vm::value::Value;
fn print(vm: &mut Vm, args: Args) -> NativeResult {
    let mut o = Vec::new();
    for i in 0..args.len { if i>0 {o.push(b'\t');} if !moonlet::vm::concat::append_text(args.get(vm,i), &mut o) { o.extend(format!("{:?}", args.get(vm,i)).bytes()); } }
    println!("{}", String::from_utf8_lossy(&o));
    Ok(Flow::Return(0))
}
fn clock(vm: &mut Vm, _a: Args) -> NativeResult { vm.answer(Value::float(0.0)) }
fn pcall(vm: &mut Vm, args: Args) -> NativeResult { Ok(Flow::Call{args: args.len-1, then: &moonlet::vm::unwind::PCALL}) }
fn error(vm: &mut Vm, args: Args) -> NativeResult { Err(moonlet::vm::error::LuaError::new(args.get(vm,0))) }
fn assert(vm: &mut Vm, args: Args) -> NativeResult { if args.get(vm,0).is_true() { Ok(Flow::Return(args.len)) } else { Err(vm.error("assertion failed!")) } }
fn abs(vm: &mut Vm, args: Args) -> NativeResult { let v=args.check_int(vm,0)?; vm.answer(Value::int(v.abs())) }
fn setmt(vm: &mut Vm, args: Args) -> NativeResult { let t=args.check_table(vm,0)?; let m=args.check_table(vm,1)?; unsafe{vm.heap.set_metatable(t,m)}; let v=args.get(vm,0); vm.answer(v) }
fn create(vm: &mut Vm, args: Args) -> NativeResult { let f=args.get(vm,0); let t=vm.new_thread(f); vm.answer(Value::thread(t)) }
fn resume(_vm: &mut Vm, args: Args) -> NativeResult { Ok(Flow::Resume{values: args.len-1, wrap:false}) }
fn yield_(_vm: &mut Vm, args: Args) -> NativeResult { Ok(Flow::Yield(args.len)) }
static BASELIB: Library = Library { name: "_G", global: true, natives: &[Native{name:"print",run:print},Native{name:"pcall",run:pcall},Native{name:"error",run:error},Native{name:"assert",run:assert},Native{name:"setmetatable",run:setmt}], constants: &[] };
static OS: Library = Library { name: "os", global: true, natives: &[Native{name:"clock",run:clock}], constants: &[] };
static CO: Library = Library { name: "coroutine", global: true, natives: &[Native{name:"create",run:create},Native{name:"resume",run:resume},Native{name:"yield",run:yield_}], constants: &[] };
static MATH: Library = Library { name: "math", global: true, natives: &[Native{name:"abs",run:abs}], constants: &[] };
fn main() {
    let f = std::env::args().nth(1).unwrap();
    let src = std::fs::read(&f).unwrap();
    let ast = match moonlet::syntax::parse(&src) { Ok(a)=>a, Err(e)=>{ println!("{}", e.lua_message(&f)); return } };
    let proto = moonlet::compile::compile(&ast, format!("@{f}").as_bytes()).map_err(|_| "compile").unwrap();
    if std::env::args().nth(2).is_some() { println!("{}", moonlet::bytecode::disasm::disassemble(&proto)); }
    let image = Image::new(&[&BASELIB, &OS, &CO, &MATH], false, 42);
    let mut vm = Vm::new(image.clone());
    let func = image.load(&proto);
    let cl = vm.heap.new_closure(func, 1);
    unsafe { *moonlet::vm::object::Closure::captured(cl) = Value::table(vm.globals()); }
    let t = vm.new_root(Value::closure(cl));
    println!("{:?}", vm.run(t, &[]));
}
