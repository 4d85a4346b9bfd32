//! How does the page begin?
//!
//! The module serves two ends: in a window it is the page, in a worker the
//! simulation beside it. Read `app` next for the page, `source` for where the
//! records come from, `scene` for what is drawn where.

mod app;
mod js;
mod keys;
mod link;
mod model;
mod parts;
mod scenarios;
mod scene;
mod shared;
mod source;
mod words;

fn main() {
    if !source::worker::serve() {
        yew::Renderer::<app::App>::new().render();
    }
}
