//! Applications: where entry ids lead.
//!
//! | file | room |
//! | --- | --- |
//! | [`script`] | a script and the modules in its folder, without entry definitions |

pub mod script;
