//! How is a message drawn?
//!
//! By the shape, the letter and the sign that its face names; its hue is that
//! of its term. The legend uses the same drawing.

use quorumscope_lab::trace::face::{MessageFace, MessageKind, Shape};
use yew::prelude::*;

use crate::scene::geometry::Point;
use crate::scene::ring::hue;

/// A message at a place of the stage.
pub fn message(face: &MessageFace, at: Point) -> Html {
    let hue = face.term.map_or_else(|| "client".to_owned(), |term| hue(term).to_string());
    let text = face.sign.map_or(face.letter, |sign| sign.text());
    let class = classes!("glyph", face.filled.then_some("filled"));
    html! {
        <g {class} data-hue={hue} transform={format!("translate({:.1} {:.1})", at.x, at.y)}>
            { outline(face.shape) }
            if !text.is_empty() {
                <text y={letter_height(face.shape)}>{ text }</text>
            }
        </g>
    }
}

/// A message's kind as a legend shows it: without a term.
pub fn sample(kind: MessageKind) -> Html {
    let (shape, letter, filled) = kind.look();
    let class = classes!("glyph", "sample", filled.then_some("filled"));
    html! {
        <svg class="legend-glyph" viewBox="-15 -15 30 30" aria-hidden="true">
            <g {class}>
                { outline(shape) }
                if !letter.is_empty() {
                    <text y={letter_height(shape)}>{ if kind.is_answer() { "±" } else { letter } }</text>
                }
            </g>
        </svg>
    }
}

fn letter_height(shape: Shape) -> &'static str {
    match shape {
        Shape::Square | Shape::Diamond | Shape::Dot | Shape::Pill | Shape::Block => "4",
        Shape::Triangle => "5.5",
    }
}

fn outline(shape: Shape) -> Html {
    match shape {
        Shape::Square => html! { <rect x="-10.5" y="-10.5" width="21" height="21" rx="4" /> },
        Shape::Diamond => html! { <path d="M0 -13.5 13.500 0 0 13.500 -13.500 0Z" /> },
        Shape::Triangle => html! { <path d="M0 -13 13.500 10.500 -13.500 10.500Z" /> },
        Shape::Dot => html! { <circle r="4.2" /> },
        Shape::Block => html! { <path d="M-9 -13H13V9L9 13H-13V-9ZM-13 -9H9V13M9 -9 13 -13" /> },
        Shape::Pill => html! { <rect x="-13" y="-8.500" width="26" height="17" rx="8.500" /> },
    }
}
