//! Lua inside a Rust program: values both ways, functions, tables, errors, limits.
//!
//! `cargo run --example embed`

use moonlet::{Function, Lua, Result};

fn main() -> Result<()> {
    let lua = Lua::new();

    // Evaluate an expression and take the result as a Rust value.
    let sum: i64 = lua.load("1 + 2").eval()?;
    println!("1 + 2 = {sum}");

    // Give Lua a Rust function. Arguments and results are converted by their types.
    let greet =
        lua.create_function(|_, (name, times): (String, usize)| Ok(format!("hello, {name}! ").repeat(times)))?;
    lua.globals().set("greet", greet)?;
    let greeting: String = lua.load("greet('moon', 2)").eval()?;
    println!("{}", greeting.trim_end());

    // Build a table here, change it there.
    let stock = lua.create_table()?;
    stock.set("apples", 3)?;
    lua.globals().set("stock", stock.clone())?;
    lua.load("stock.apples = stock.apples - 1; stock.pears = 10").set_name("market").exec()?;
    println!("{} apples, {} pears", stock.get::<i64>("apples")?, stock.get::<i64>("pears")?);

    // Keep a Lua function and call it.
    let mean: Function = lua
        .load("local n, sum = select('#', ...), 0 for _, v in ipairs{...} do sum = sum + v end return sum / n")
        .into_function()?;
    println!("mean {}", mean.call::<f64>((1, 2, 6))?);

    // Errors are values; the message has the place.
    let error = lua.load("local t = {}\nreturn t.deep.field").set_name("broken").exec().expect_err("it must fail");
    println!("{}", error.to_string().lines().next().unwrap_or_default());

    // A program that does not end runs out of its budget instead of holding the thread.
    lua.set_budget(Some(1_000_000));
    let endless = lua.load("while true do end").exec();
    println!("an endless loop {}", if endless.is_err() { "is stopped" } else { "ends?" });
    lua.set_budget(None);

    // One that eats memory gets an error, which it can handle.
    lua.set_memory_limit(16 << 20);
    let greedy = "local t = {}
                  return pcall(function() while true do t[#t + 1] = ('x'):rep(1000) .. #t end end)";
    let (survived, message): (bool, String) = lua.load(greedy).eval()?;
    println!("a greedy loop: {survived}, {message}");
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn runs() {
        super::main().expect("the example runs");
    }
}
