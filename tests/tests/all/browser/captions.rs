//! Do the lines that pass or advise keep off what is to be seen, and say what is true?

use fantoccini::key::Key;

use super::cluster::{go_to, open_at, open_details, text};
use super::page::Page;
use super::process::Server;
use super::shape::fits_sideways;
use super::{Look, browse};

/// What the hint or the notice lies over: words of the ring, nodes with their disks and bars, clients, grids, blocks, logs.
const COVERED: &str = r#"
    const apart = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
    const shown = (element) => { const box = element.getBoundingClientRect(); return box.width > 0 && box.height > 0; };
    const lines = [...document.querySelectorAll('.hint, .notice')].filter(shown).map(line => line.getBoundingClientRect());
    const seen = '.node .body, .node .disk, .node .meter, .node .name, .node .role, .client, .grid, .board, .log table, .tree, .lane-name, .strip';
    return [lines.length, [...document.querySelectorAll(seen)].filter(shown)
        .filter(element => lines.some(line => !apart(line, element.getBoundingClientRect())))
        .map(element => element.className.baseVal ?? element.className)];
"#;

async fn covers_nothing(page: &Page, what: &str) {
    let (lines, covered): (usize, Vec<String>) = page.read(COVERED).await;
    assert_eq!((lines, covered), (1, Vec::new()), "{what}");
}

async fn say_something(page: &Page) {
    page.press('k').await;
    page.until("a line that passes", |seen| seen.notices.iter().any(|notice| notice.text.contains("Select a node")))
        .await;
}

async fn keep_off(page: &Page, server: &Server) {
    let picture = |name: &'static str| {
        let name = format!("{}-caption-{name}", page.look.name());
        async move {
            page.screenshot(&name).await;
            fits_sideways(page).await;
        }
    };
    for (scenario, seconds) in [("hybrid-under-attack", 2.1), ("pbft-members", 1.9), ("leader-lost", 0.8)] {
        open_at(page, server, scenario, seconds).await;
        covers_nothing(page, scenario).await;
        picture(scenario).await;
        say_something(page).await;
        covers_nothing(page, scenario).await;
        if scenario == "hybrid-under-attack" {
            picture("notice").await;
            for (views, shown) in [("views-lanes", "[data-testid=lanes]"), ("views-board", ".board.alone")] {
                page.click(views).await;
                page.wait_for(&format!("return document.querySelector('{shown}') !== null")).await;
                say_something(page).await;
                covers_nothing(page, views).await;
                picture(views).await;
            }
            page.click("views-both").await;
        }
    }
}

#[test]
fn hints_and_notices_cover_nothing_that_is_to_be_seen() {
    browse(Look::WIDE, keep_off);
}

#[test]
fn hints_and_notices_cover_nothing_on_a_phone_in_the_light() {
    browse(Look::PHONE.light(), keep_off);
}

#[test]
fn a_notice_goes_by_itself_but_not_from_whoever_is_at_it_and_can_be_closed() {
    browse(Look::WIDE, async |page, server| {
        page.open(&server.page).await;
        let none = "return document.querySelector('.notice') === null";
        say_something(page).await;
        page.click("notice-close").await;
        page.wait_for(none).await;
        // The pointer would be on the next line as well.
        page.click_on(".brand").await;

        say_something(page).await;
        page.press(Key::Escape.into()).await;
        page.wait_for(none).await;

        say_something(page).await;
        let begun = "window.begun = performance.now(); document.querySelector('.notice button').focus(); return null";
        page.read::<Option<bool>>(begun).await;
        page.wait_for("return performance.now() - window.begun > 9000").await;
        assert!(!page.read::<bool>(none).await, "the focus is on it");
        page.read::<Option<bool>>("document.activeElement.blur(); return null").await;
        page.wait_for(none).await;

        say_something(page).await;
        page.wait_for(none).await;
    });
}

/// Whether words at one node stand in the ring of another.
const IN_A_RING: &str = r#"
    const nodes = [...document.querySelectorAll('[data-node]')];
    const inside = (text, ring) => {
        const [a, b] = [text.getBoundingClientRect(), ring.getBoundingClientRect()];
        const [x, y, r] = [(b.left + b.right) / 2, (b.top + b.bottom) / 2, b.width / 2 + 4];
        return Math.hypot(Math.max(a.left - x, x - a.right, 0), Math.max(a.top - y, y - a.bottom, 0)) < r;
    };
    return nodes.flatMap(one => nodes.filter(other => other !== one)
        .filter(other => [...one.querySelectorAll('.name, .role')].some(text => inside(text, other.querySelector('.body'))))
        .map(other => `${one.dataset.node} in ${other.dataset.node}`));
"#;

#[test]
fn on_a_phone_the_words_of_a_node_stand_in_no_other_nodes_ring() {
    browse(Look::PHONE, async |page, server| {
        for (scenario, seconds) in [("leader-lost", 0.8), ("pbft-members", 3.5), ("hybrid-under-attack", 2.1)] {
            open_at(page, server, scenario, seconds).await;
            assert_eq!(page.read::<Vec<String>>(IN_A_RING).await, Vec::<String>::new(), "{scenario}");
            page.screenshot(&format!("phone-dark-words-{scenario}")).await;
        }
    });
}

#[test]
fn while_the_hybrid_opens_pbft_the_hint_says_so_and_between_leaders_of_hotstuff_that_they_take_turns() {
    browse(Look::WIDE.light(), async |page, server| {
        open_at(page, server, "hybrid-under-attack", 2.3).await;
        let hint = text(page, "[data-testid=hint]").await;
        assert!(hint.contains("PBFT has not begun") && !hint.contains("gives the view up"), "{hint}");
        page.screenshot("wide-light-hybrid-opening").await;
        open_at(page, server, "hotstuff-silent-leader", 0.03).await;
        let hint = text(page, "[data-testid=hint]").await;
        assert!(hint.contains("take turns"), "{hint}");
    });
}

#[test]
fn a_scenarios_expectations_have_no_verdict_before_they_are_settled() {
    const MARKS: &str = "return [...document.querySelectorAll('.checks h2 ~ h2 + ul i')].map(mark => mark.textContent)";
    browse(Look::WIDE, async |page, server| {
        open_at(page, server, "pbft-members", 0.0).await;
        // More of the run is known than is seen.
        go_to(page, 6.0).await;
        let later: Vec<String> = page.read(MARKS).await;
        assert!(later.iter().any(|mark| mark == "✓"), "{later:?}");
        page.press(Key::Home.into()).await;
        page.until("the beginning", |seen| seen.seconds < 0.001).await;
        let first: Vec<String> = page.read(MARKS).await;
        assert!(!first.is_empty() && first.iter().all(|mark| mark == "…"), "{first:?}");
        page.screenshot("wide-dark-expectations-open").await;
    });
}

#[test]
fn a_message_that_leaves_later_says_that_it_is_not_sent_yet() {
    browse(Look::WIDE, async |page, server| {
        open_at(page, server, "pbft-silent-primary", 0.02).await;
        page.click("views-lanes").await;
        page.wait_for("return document.querySelector('[data-testid=lanes]') !== null").await;
        super::keyboard::tab_to(page, "lanes").await;
        page.press(Key::Down.into()).await;
        page.wait_for("return document.querySelector('[data-testid=not-on-its-way]') !== null").await;
        let waits = text(page, "[data-testid=not-on-its-way]").await;
        assert!(waits.starts_with("Not sent yet: it waits until what it promises is on its sender's disk"), "{waits}");
        for _ in 0..9 {
            page.press(Key::Down.into()).await;
        }
        let later = "return document.querySelector('[data-testid=not-on-its-way]').textContent.includes('leaves at')";
        page.wait_for(later).await;
        let said = text(page, "[data-testid=not-on-its-way]").await;
        assert!(said.starts_with("Not sent yet at this moment: it leaves at "), "{said}");
        assert_eq!(text(page, "[data-testid=why]").await, "", "what has not happened has no reason yet");
        page.screenshot("wide-dark-lanes-not-sent").await;
    });
}

#[test]
fn different_batches_at_one_place_have_letters_and_a_legend() {
    browse(Look::WIDE, async |page, server| {
        open_at(page, server, "pbft-two-liars", 1.0).await;
        assert_eq!(text(page, ".batch").await, "");
        go_to(page, 1.3).await;
        let letters = "return [...document.querySelectorAll('.batch')].map(batch => batch.textContent)";
        let seen: Vec<String> = page.read(letters).await;
        assert!(seen.contains(&"A".to_owned()) && seen.contains(&"B".to_owned()), "{seen:?}");
        assert!(text(page, ".board .key").await.contains("different batches"));
        page.screenshot("wide-dark-batches").await;
        page.click("views-board").await;
        page.wait_for("return document.querySelector('.board.alone .batch') !== null").await;
        page.screenshot("wide-dark-batches-alone").await;
        page.click("theme").await;
        page.until("the light", |seen| seen.theme == "light").await;
        page.screenshot("wide-light-batches-alone").await;
        fits_sideways(page).await;
    });
}

#[test]
fn a_change_that_leaves_nobody_a_vote_is_refused_in_one_sentence_and_can_be_mended() {
    browse(Look::WIDE, async |page, server| {
        open_at(page, server, "pbft-members", 0.6).await;
        page.click_node("n1").await;
        open_details(page, "change-members").await;
        for node in ["n1", "n2", "n3", "n4"] {
            page.choose(&format!("wanted-{node}"), "remove").await;
        }
        page.click("ask-change").await;
        let refused = page.until("a refusal", |seen| seen.notices.iter().any(|notice| notice.bad)).await;
        assert!(refused.notices[0].text.contains("nobody would have a vote"), "{:?}", refused.notices);
        assert_eq!(
            page.read::<String>("return document.querySelector('[data-testid=wanted-n3]').value").await,
            "remove"
        );
        page.screenshot("wide-dark-nobody-votes").await;
    });
}

#[test]
fn liars_and_other_faults_have_marks_of_their_own_and_the_help_names_them_and_all_messages() {
    browse(Look::WIDE.light(), async |page, server| {
        open_at(page, server, "hybrid-under-attack", 1.2).await;
        page.click_node("n3").await;
        page.click("pause-node").await;
        page.wait_for("return document.querySelector('[data-testid=mark-fault]') !== null").await;
        go_to(page, 1.6).await;
        page.wait_for("return document.querySelector('[data-testid=mark-lie]') !== null").await;
        let told = text(page, "[data-testid=mark-lie] title").await;
        assert!(told.contains("n1 lies from now on"), "{told}");
        page.screenshot("wide-light-lie-mark").await;
        page.press('?').await;
        page.until("the help", |seen| seen.help).await;
        let messages: usize =
            page.read("return document.querySelectorAll('[data-testid=help-messages] dt svg').length").await;
        assert_eq!(messages, 26);
        let help = text(page, "[data-testid=help]").await;
        for sign in ["squiggle", "horned mask", "≠ at a node", "§ at a node", "⚑", "⇄"] {
            assert!(help.contains(sign), "{sign}");
        }
        fits_sideways(page).await;
        page.screenshot("wide-light-help").await;
        page.read::<Option<bool>>("document.querySelector('.help').scrollTop = 9999; return null").await;
        page.screenshot("wide-light-help-end").await;
    });
}

/// A value that fits no cell of a log is shown in full by its title and, once it is chosen, by the inspector.
async fn in_full(page: &Page, server: &Server) {
    const VALUE: &str = "0123456789012345678901234567890123456789";
    page.open(&server.page).await;
    page.choose("speed", super::story::TENTH).await;
    page.click("play").await;
    page.until("a leader", |seen| seen.leader().is_some()).await;
    super::story::propose(page, "x", VALUE).await;
    page.until("it is committed", |seen| seen.committed(VALUE) >= 3).await;
    page.click("play").await;
    page.until("a pause", |seen| !seen.playing).await;
    page.click("views-log").await;
    page.wait_for("return document.querySelector('.log-only') !== null").await;
    let entry = format!(".log .entry[title*='{VALUE}']");
    assert!(
        !text(page, &format!("{} .what", entry.replace('\'', "\\'"))).await.contains(VALUE),
        "the cell has no room for it"
    );
    page.click_on(&entry).await;
    page.wait_for(&format!(
        "return document.querySelector('.inspect .title')?.textContent.includes('{VALUE}') === true"
    ))
    .await;
    let cut = "return [...document.querySelectorAll('.inspect .title, .clients b')].filter(line => line.scrollWidth > line.clientWidth + 1).length";
    assert_eq!(page.read::<usize>(cut).await, 0, "nothing of it is cut");
    if page.look.is_phone() {
        page.wait_for("return document.querySelector('.panel.inspect.open')?.getAnimations().length === 0").await;
    }
    page.screenshot(&format!("{}-long-value", page.look.name())).await;
    fits_sideways(page).await;
}

#[test]
fn a_value_that_fits_no_cell_is_shown_in_full() {
    browse(Look::WIDE, in_full);
}

#[test]
fn a_value_that_fits_no_cell_is_shown_in_full_on_a_phone() {
    browse(Look::PHONE, in_full);
}

/// A lie is meant for whom the reader ticks; the inspector names them.
async fn choose_victims(page: &Page, server: &Server) {
    open_at(page, server, "pbft-silent-primary", 0.2).await;
    page.click_node("n2").await;
    page.click("lie-menu").await;
    page.wait_for("return document.querySelector('[data-testid=lie-menu]').parentElement.open").await;
    page.click_on("[data-victims=withhold] input[value=n3]").await;
    page.click_on("[data-victims=withhold] input[value=n4]").await;
    page.screenshot(&format!("{}-victims", page.look.name())).await;
    fits_sideways(page).await;
    page.click("lie-withhold").await;
    page.wait_for("return document.querySelector('[data-testid=lies]') !== null").await;
    let lies = text(page, "[data-testid=lies]").await;
    assert!(lies.contains("It picks out n3, n4."), "{lies}");
    assert!(
        page.read::<bool>("return document.querySelector('[data-victims=delay]') === null").await,
        "it is done to all"
    );
    // Ticked for none: the seed decides.
    page.click("lie-censor").await;
    page.wait_for("return document.querySelector('[data-testid=lies]').textContent.includes('censor')").await;
    assert!(text(page, "[data-testid=lies]").await.contains("c1"));
}

#[test]
fn whom_a_lie_is_meant_for_is_chosen_in_the_menu() {
    browse(Look::WIDE, choose_victims);
}

#[test]
fn whom_a_lie_is_meant_for_is_chosen_on_a_phone_in_the_light() {
    browse(Look::PHONE.light(), choose_victims);
}
