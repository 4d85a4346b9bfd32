//! Can everything that matters be done without a pointer?

use fantoccini::key::Key;

use super::page::Page;
use super::{Look, browse};

/// Presses Tab until this control has the focus.
pub async fn tab_to(page: &Page, name: &str) {
    /// More controls than the page has.
    const STOPS: usize = 60;
    for _ in 0..STOPS {
        page.press(Key::Tab.into()).await;
        if page.seen().await.focus == name {
            return;
        }
    }
    panic!("Tab does not reach {name}");
}

#[test]
fn the_run_is_played_stepped_and_sought_by_keys() {
    browse(Look::WIDE, async |page, server| {
        page.open(&server.page).await;
        page.press(' ').await;
        page.until("it plays", |seen| seen.playing).await;
        page.until("a leader", |seen| seen.leader().is_some()).await;
        page.press(' ').await;
        let stopped = page.until("it stands", |seen| !seen.playing).await;

        page.press(Key::Right.into()).await;
        let forward = page.until("one event forward", |seen| seen.position != stopped.position).await;
        page.press(Key::Left.into()).await;
        page.until("one event back", |seen| seen.position == stopped.position).await;
        page.press(Key::Right.into()).await;
        let again = page.until("forward again", |seen| seen.position == forward.position).await;
        assert_eq!(again.moment(), forward.moment());

        page.press(Key::Home.into()).await;
        let home = page.until("the beginning", |seen| seen.seconds == 0.0).await;
        assert_eq!(home.leader(), None);
        page.press_with(Some(Key::Shift.into()), Key::Right.into()).await;
        page.until("the first mark", |seen| seen.seconds > 0.0).await;
        page.press(Key::End.into()).await;
        page.until("the end", |seen| seen.seconds == seen.end && seen.leader().is_some()).await;
    });
}

#[test]
fn a_node_is_crashed_and_a_value_asked_for_by_keys() {
    browse(Look::WIDE, async |page, server| {
        page.open(&server.page).await;
        page.press(Key::End.into()).await;
        let seen = page.until("a leader at the end of what is known", |seen| seen.leader().is_some()).await;
        let leader = seen.leader().expect("it was just seen").id.clone();

        page.press('p').await;
        page.until("the form has the focus", |seen| seen.focus == "propose-key").await;
        page.press(Key::Enter.into()).await;
        page.until("the operation is listed", |seen| seen.operations.iter().any(|line| line.contains("set x = 1")))
            .await;
        page.press(Key::Escape.into()).await;
        page.press(Key::Tab.into()).await;
        page.press(Key::Tab.into()).await;

        let digit = leader.chars().last().expect("a node has a name");
        page.press(digit).await;
        page.press('k').await;
        page.until("the crash", |seen| seen.node(&leader).status == "crashed").await;
        page.press_with(Some(Key::Control.into()), 'z').await;
        page.until("the crash is undone", |seen| seen.node(&leader).status == "up").await;
        page.press_with(Some(Key::Control.into()), 'y').await;
        page.until("the crash is done again", |seen| seen.node(&leader).status == "crashed").await;
    });
}

#[test]
fn help_and_theme_are_a_key_away_and_every_focus_is_seen() {
    browse(Look::WIDE, async |page, server| {
        page.open(&server.page).await;
        page.press('d').await;
        page.until("the light theme", |seen| seen.theme == "light").await;
        page.press('d').await;
        page.until("the dark theme", |seen| seen.theme == "dark").await;
        page.press('?').await;
        page.until("the help", |seen| seen.help).await;
        page.screenshot("wide-dark-help").await;
        page.press(Key::Escape.into()).await;
        page.until("no help", |seen| !seen.help).await;

        tab_to(page, "play").await;
        let outline: String = page.read("return getComputedStyle(document.activeElement).outlineStyle").await;
        assert_ne!(outline, "none", "the focus is drawn");
        page.press(' ').await;
        page.until("it plays", |seen| seen.playing).await;
        page.press(' ').await;
        page.until("it stands", |seen| !seen.playing).await;
        tab_to(page, "timeline").await;
        let before = page.seen().await;
        page.press(Key::Right.into()).await;
        page.until("the slider moves", |seen| seen.position != before.position).await;
    });
}

#[test]
fn the_help_sheet_takes_the_focus() {
    browse(Look::WIDE, async |page, server| {
        page.open(&server.page).await;
        page.press('?').await;
        page.until("the help has the focus", |seen| seen.help && seen.focus == "help-close").await;
        page.press(Key::Enter.into()).await;
        page.until("no help", |seen| !seen.help).await;
    });
}

#[test]
fn keys_go_to_the_page_again_after_a_list_and_a_field() {
    browse(Look::WIDE, async |page, server| {
        page.open(&server.page).await;
        page.choose("speed", super::story::TENTH).await;
        page.press(' ').await;
        page.until("it plays", |seen| seen.playing).await;
        page.press(' ').await;
        page.until("it stands", |seen| !seen.playing).await;

        page.press('p').await;
        page.until("the field has the focus", |seen| seen.focus == "propose-key").await;
        page.press(Key::Escape.into()).await;
        page.until("the field is left", |seen| seen.focus != "propose-key").await;
        page.press('p').await;
        page.until("the field has the focus again", |seen| seen.focus == "propose-key").await;
        page.press(Key::Enter.into()).await;
        page.until("the field is left by asking", |seen| seen.focus != "propose-key").await;
        page.until("what was asked waits", |seen| seen.operations.iter().any(|line| line.contains("set x = 1"))).await;
        page.press('k').await;
        page.until("a key that needs a node says so", |seen| {
            seen.notices.iter().any(|notice| notice.text.contains("Select a node first"))
        })
        .await;
    });
}
