//! The application that `moonlet init` makes: small, complete, and working.

use std::fs;
use std::io;
use std::path::Path;

/// Its files. `NAME` in them becomes the name of the application.
const FILES: &[(&str, &str)] = &[
    ("README.md", include_str!("template/README.md")),
    ("src/_index.yaml", include_str!("template/_index.yaml")),
    ("src/greeting.lua", include_str!("template/greeting.lua")),
    ("src/hello.lua", include_str!("template/hello.lua")),
    ("src/clock.lua", include_str!("template/clock.lua")),
    ("src/greeting_test.lua", include_str!("template/greeting_test.lua")),
];

/// Makes the application in a folder, which must be new or empty.
///
/// # Errors
/// What is wrong with the folder or its name, or what the system refuses.
pub fn create(folder: &Path) -> Result<(), String> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
        return Err("the name of an application is made of letters, digits, '_' and '-'".to_owned());
    }
    let failed = |error: io::Error| format!("{}: {error}", folder.display());
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(format!("{} is not empty", folder.display()));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    for (path, text) in FILES {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(failed)?;
        fs::write(path, text.replace("NAME", name)).map_err(failed)?;
    }
    Ok(())
}
