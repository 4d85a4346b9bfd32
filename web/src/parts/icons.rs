//! The icons of the controls, drawn on a grid of 16 pixels in the colour of the text.

use yew::prelude::*;

/// An icon by its outline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// Play.
    Play,
    /// Pause.
    Pause,
    /// One event forward.
    Forward,
    /// One event back.
    Back,
    /// To the next mark.
    Next,
    /// To the mark before.
    Previous,
    /// The light theme.
    Sun,
    /// The dark theme.
    Moon,
    /// A link.
    Link,
    /// A die.
    Dice,
    /// Take back.
    Undo,
    /// Do again.
    Redo,
    /// Close.
    Close,
    /// Less.
    Minus,
    /// More.
    Plus,
    /// The list of scenarios.
    Book,
    /// The inspector.
    Lens,
}

impl Icon {
    fn path(self) -> (&'static str, bool) {
        match self {
            Self::Play => ("M4.5 2.6v10.8c0 .5.5.8.9.5l8-5.4a.6.6 0 0 0 0-1l-8-5.4a.6.6 0 0 0-.9.5Z", true),
            Self::Pause => ("M4 2.5h2.8v11H4zM9.2 2.5H12v11H9.2z", true),
            Self::Forward => (
                "M3 3.2v9.6c0 .4.4.6.7.4L10 8.5a.6.6 0 0 0 0-1L3.7 2.8c-.3-.2-.7 0-.7.4ZM11.6 2.8h1.8v10.4h-1.8z",
                true,
            ),
            Self::Back => {
                ("M13 3.2v9.6c0 .4-.4.6-.7.4L6 8.5a.6.6 0 0 1 0-1l6.3-4.7c.3-.2.7 0 .7.4ZM2.6 2.8h1.8v10.4H2.6z", true)
            }
            Self::Next => (
                "M2 3.5v9c0 .4.4.6.7.4L8 8.8v3.7c0 .4.4.6.7.4l5.4-4.4a.6.6 0 0 0 0-1L8.7 3.1c-.3-.2-.7 0-.7.4v3.7L2.7 3.1c-.3-.2-.7 0-.7.4Z",
                true,
            ),
            Self::Previous => (
                "M14 3.5v9c0 .4-.4.6-.7.4L8 8.8v3.7c0 .4-.4.6-.7.4L1.900 8.500a.6.6 0 0 1 0-1L7.300 3.100c.3-.2.7 0 .7.4v3.7l5.300-4.100c.3-.2.7 0 .7.4Z",
                true,
            ),
            Self::Sun => (
                "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM8 1v1.800M8 13.200V15M1 8h1.800M13.200 8H15M3 3l1.300 1.300M11.700 11.700 13 13M13 3l-1.300 1.300M4.300 11.700 3 13",
                false,
            ),
            Self::Moon => ("M13.500 9.800A6 6 0 0 1 6.200 2.500a6 6 0 1 0 7.300 7.300Z", false),
            Self::Link => (
                "M6.600 9.400 9.400 6.600M7.200 4.600 8.800 3a3 3 0 0 1 4.200 4.200l-1.600 1.600M8.800 11.400 7.200 13A3 3 0 0 1 3 8.800l1.600-1.600",
                false,
            ),
            Self::Dice => (
                "M3.500 2.500h9a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1ZM5.500 5.500h.01M10.500 10.500h.01M8 8h.01M10.500 5.500h.01M5.500 10.500h.01",
                false,
            ),
            Self::Undo => ("M5.500 3 2.500 6l3 3M2.800 6h6.700a3.500 3.500 0 0 1 0 7H7", false),
            Self::Redo => ("m10.500 3 3 3-3 3M13.200 6H6.500a3.500 3.500 0 0 0 0 7H9", false),
            Self::Close => ("m4 4 8 8M12 4l-8 8", false),
            Self::Minus => ("M3.500 8h9", false),
            Self::Plus => ("M3.500 8h9M8 3.500v9", false),
            Self::Book => (
                "M8 4.200C6.500 3 4.500 2.800 2.500 3v9.500c2-.2 4 0 5.500 1.200 1.500-1.200 3.500-1.400 5.500-1.200V3c-2-.2-4 0-5.500 1.200Zm0 0v9.400",
                false,
            ),
            Self::Lens => ("M7 2.500a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9ZM10.300 10.300l3.400 3.400", false),
        }
    }
}

/// Draws an icon; the control around it has the words.
pub fn glyph(icon: Icon) -> Html {
    let (path, filled) = icon.path();
    let class = if filled { "icon solid" } else { "icon" };
    html! { <svg {class} viewBox="0 0 16 16" aria-hidden="true"><path d={path} /></svg> }
}
