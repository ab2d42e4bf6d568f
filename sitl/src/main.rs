//! Program of the workspace.

fn main() {}
