//! Are members, snapshots, reads, leases and other machines shown and changed on the page?

use fantoccini::key::Key;

use super::page::Page;
use super::process::Server;
use super::shape::fits_sideways;
use super::story::on_panel;
use super::{Look, browse};

/// What every node is to the cluster, in order.
const PARTS: &str = "return [...document.querySelectorAll('[data-node]')].map(node => node.dataset.part)";

pub async fn parts(page: &Page) -> Vec<String> {
    page.read(PARTS).await
}

/// Whether two halves decide together.
const JOINT: &str = "return document.querySelector('[data-testid=hint]').textContent.startsWith('Joint')";

/// Opens a scenario of the list and goes to a time of it.
pub async fn open_at(page: &Page, server: &Server, scenario: &str, seconds: f64) {
    page.open(&server.page).await;
    page.choose("scenario", scenario).await;
    // The title is that of the run that is seen, not of the one that is asked for.
    page.wait_for(
        "return document.querySelector('.lesson h3').textContent
            === document.querySelector('[data-testid=scenario] option:checked').textContent",
    )
    .await;
    go_to(page, seconds).await;
}

/// Goes to a time, which may not be known yet.
pub async fn go_to(page: &Page, seconds: f64) {
    // More of the run may arrive between the look and the click: the ruler has moved then. Or another run has, which is
    // not known so far yet.
    let there = |seen: f64| (seen - seconds).abs() < 0.01;
    for _ in 0..20 {
        while page.seen().await.end < seconds {
            let before = page.seen().await.end;
            // A step beyond the end asks for more.
            page.press(Key::End.into()).await;
            page.press(Key::Right.into()).await;
            page.until("more of the run", |seen| seen.end > before).await;
        }
        page.seek(seconds).await;
        if there(page.seen().await.seconds) {
            return;
        }
    }
    panic!("the cursor does not come to {seconds} s");
}

/// Steps until a script says true.
pub async fn step_until(page: &Page, script: &str) {
    /// More events than any of these tests waits for.
    const EVENTS: usize = 400;
    for _ in 0..EVENTS {
        if page.read(script).await {
            return;
        }
        let before = page.seen().await.position;
        page.press(Key::Right.into()).await;
        page.until("one event forward", |seen| seen.position != before).await;
    }
    panic!("no event makes it so: {script}");
}

/// The text of something on the page.
pub async fn text(page: &Page, selector: &str) -> String {
    page.read(&format!("return document.querySelector('{selector}')?.textContent ?? ''")).await
}

pub async fn open_details(page: &Page, name: &str) {
    page.click_on(&format!("[data-testid=\"{name}\"] summary, summary[data-testid=\"{name}\"]")).await;
}

/// A joint configuration is drawn with both halves, and the leader's inspector names them.
async fn tell_of_members(page: &Page, server: &Server) {
    let picture = |stage: &'static str| {
        let name = format!("{}-members-{stage}", page.look.name());
        async move { page.screenshot(&name).await }
    };
    open_at(page, server, "members", 1.4).await;
    assert_eq!(parts(page).await, ["voter", "voter", "voter", "learner", "learner"]);
    picture("1-learners").await;
    go_to(page, 1.495).await;
    step_until(page, JOINT).await;
    let joint = parts(page).await;
    for (part, count) in [("voter", 1), ("joining", 2), ("leaving", 2)] {
        assert_eq!(joint.iter().filter(|other| *other == part).count(), count, "{joint:?}");
    }
    let leader = page.seen().await.leader().expect("somebody leads").id.clone();
    on_panel(page, async || {
        page.click_node(&leader).await;
    })
    .await;
    picture("2-joint").await;
    fits_sideways(page).await;
    go_to(page, 2.4).await;
    let after = parts(page).await;
    assert_eq!(after[3..], ["voter", "voter"]);
    assert_eq!(after.iter().filter(|part| *part == "spare").count(), 2);
    picture("3-after").await;
}

#[test]
fn a_joint_configuration_is_drawn_with_both_halves() {
    browse(Look::WIDE, tell_of_members);
}

#[test]
fn a_joint_configuration_is_drawn_in_the_light() {
    browse(Look::WIDE.light().still(), tell_of_members);
}

#[test]
fn members_are_changed_from_a_node_and_by_the_form_of_the_leader() {
    browse(Look::WIDE, async |page, server| {
        page.open(&server.page).await;
        open_details(page, "own-run").await;
        page.choose("own-voters", "3").await;
        page.choose("own-spare", "2").await;
        page.screenshot("wide-dark-own-run").await;
        page.click("own-start").await;
        page.until("five nodes of another run", |seen| seen.nodes.len() == 5).await;
        page.wait_for("return document.querySelector('.lesson h3')?.textContent === 'A run of your own'").await;
        assert_eq!(parts(page).await, ["voter", "voter", "voter", "spare", "spare"]);

        go_to(page, 1.0).await;
        page.click_node("n4").await;
        page.click("add").await;
        go_to(page, 1.3).await;
        assert_eq!(parts(page).await[3], "learner");

        let leader = page.seen().await.leader().expect("somebody leads").id.clone();
        page.click_node(&leader).await;
        open_details(page, "change-members").await;
        page.choose("wanted-n4", "promote").await;
        page.choose("wanted-n5", "observe").await;
        page.screenshot("wide-dark-members-form").await;
        page.click("ask-change").await;
        go_to(page, 1.8).await;
        assert_eq!(parts(page).await, ["voter", "voter", "voter", "voter", "observer"]);
        page.screenshot("wide-dark-observer").await;
        fits_sideways(page).await;
    });
}

#[test]
fn a_member_is_added_by_the_keyboard_alone() {
    browse(Look::WIDE, async |page, server| {
        open_at(page, server, "members", 0.9).await;
        page.press('4').await;
        super::keyboard::tab_to(page, "add").await;
        page.press(Key::Enter.into()).await;
        page.until("the change is asked for", |seen| seen.seconds > 0.8).await;
        go_to(page, 0.98).await;
        assert_eq!(parts(page).await[3], "learner");
    });
}

#[test]
fn a_snapshot_is_seen_on_its_way_and_in_the_place_of_the_log() {
    browse(Look::WIDE, async |page, server| {
        open_at(page, server, "snapshot", 3.995).await;
        let compacted: usize = page.read("return document.querySelectorAll('.log .compacted').length").await;
        assert_eq!(compacted, 2, "two logs begin with a snapshot");
        step_until(page, "return document.querySelector('[data-testid=arriving]') !== null").await;
        step_until(
            page,
            "return [...document.querySelectorAll('.legend li')].some(li => /snapshot/i.test(li.textContent))",
        )
        .await;
        let leader = page.seen().await.leader().expect("somebody leads").id.clone();
        page.click_node(&leader).await;
        open_details(page, "progress").await;
        assert!(text(page, "[data-testid=progress-n3]").await.contains("snapshot"), "the leader tells of it");
        page.screenshot("wide-dark-snapshot").await;
        page.click_on("[data-testid=message] .glyph path + text").await;
        assert!(text(page, ".upper").await.contains("lastIncludedIndex"), "it is inspected");
        page.screenshot("wide-dark-snapshot-message").await;
        go_to(page, 4.9).await;
        let compacted: usize =
            page.read("return document.querySelectorAll('.log .compacted:not(.arriving)').length").await;
        assert_eq!(compacted, 3, "and the third");
    });
}

#[test]
fn the_leader_tells_which_round_a_quorum_answered_last_and_what_its_window_holds_back() {
    browse(Look::WIDE, async |page, server| {
        open_at(page, server, "check-quorum", 1.2).await;
        let old = page.seen().await.leader().expect("somebody leads").id.clone();
        page.click_node(&old).await;
        open_details(page, "progress").await;
        assert!(text(page, ".upper .values").await.contains("a quorum answered"), "it tells of rounds");
        page.screenshot("wide-dark-rounds").await;

        open_at(page, server, "window", 2.5).await;
        let leader = page.seen().await.leader().expect("somebody leads").id.clone();
        page.click_node(&leader).await;
        open_details(page, "progress").await;
        assert!(text(page, "[data-testid=progress-n3]").await.contains("window full"), "it holds back");
        page.screenshot("wide-dark-window").await;
    });
}

#[test]
fn reads_and_transfers_have_messages_of_their_own_and_are_asked_for_by_hand() {
    browse(Look::WIDE.light(), async |page, server| {
        let shows = |letter: &str| {
            format!(
                "return [...document.querySelectorAll('[data-testid=message] .glyph text')].some(text => text.textContent === '{letter}')"
            )
        };
        open_at(page, server, "reads", 1.695).await;
        step_until(page, &shows("R")).await;
        page.screenshot("wide-light-read-index").await;

        open_at(page, server, "transfer", 1.9).await;
        let old = page.seen().await.leader().expect("somebody leads").id.clone();
        let next = page.seen().await.nodes.iter().find(|node| node.id != old).expect("there are five").id.clone();
        page.click_node(&next).await;
        page.click("transfer").await;
        step_until(page, &shows("T")).await;
        page.screenshot("wide-light-timeout-now").await;
        step_until(page, &format!("return document.querySelector('[data-node={next}]').dataset.role === 'leader'"))
            .await;

        page.click("snapshot").await;
        page.click("read-lease").await;
        step_until(
            page,
            "return /snapshot\\s*through entry/.test(document.querySelector('.upper .values').textContent)",
        )
        .await;
        go_to(page, page.seen().await.seconds + 0.2).await;
        page.until("the read is answered", |seen| {
            seen.operations.iter().any(|line| line.contains("(lease)") && line.starts_with("ok"))
        })
        .await;
    });
}

#[test]
fn another_machine_takes_commands_as_text_and_shows_its_state() {
    browse(Look::WIDE, async |page, server| {
        open_at(page, server, "workflow", 3.4).await;
        page.click_node("n1").await;
        open_details(page, "state").await;
        assert!(text(page, "[data-testid=state]").await.contains("review v5"));
        page.write("propose-command", "update case c1").await;
        page.wait_for("return document.querySelector('[data-testid=propose-order]').disabled").await;
        page.write("propose-command", "update case c1 v6 done").await;
        page.click("propose-order").await;
        page.until("it is asked for", |seen| {
            seen.operations.iter().any(|line| line.contains("update case c1 v6 done"))
        })
        .await;
        go_to(page, 4.2).await;
        assert!(text(page, "[data-testid=state]").await.contains("done v6"));
        page.write("read-name", "c1 and c2").await;
        page.wait_for("return document.querySelector('[data-testid=read-stale]').disabled").await;
        assert!(text(page, ".clients").await.contains("\"c1\" for a case"), "it says which names there are");
        page.write("read-name", "c1/owner").await;
        page.click("read-index").await;
        go_to(page, page.seen().await.seconds + 0.2).await;
        page.until("the read is answered", |seen| {
            seen.operations.iter().any(|line| line.starts_with("ok") && line.contains("get c1/owner (read index)ann"))
        })
        .await;
        page.screenshot("wide-dark-workflow").await;
        fits_sideways(page).await;

        open_at(page, server, "cluster-state", 2.95).await;
        page.click_node("n2").await;
        open_details(page, "state").await;
        assert!(text(page, "[data-testid=state]").await.contains("quarantined lied"));
        page.screenshot("wide-dark-cluster-state").await;
    });
}

/// A joint configuration and a snapshot on its way, on the stage of a phone and in its sheet.
async fn tell_on_a_phone(page: &Page, server: &Server) {
    let picture = |stage: &'static str| {
        let name = format!("{}-{stage}", page.look.name());
        async move {
            page.screenshot(&name).await;
            fits_sideways(page).await;
        }
    };
    open_at(page, server, "members", 1.495).await;
    step_until(page, JOINT).await;
    picture("joint").await;
    page.click_node("n4").await;
    page.wait_for("return document.querySelector('.panel.inspect.open') !== null").await;
    page.wait_for("return document.querySelector('.panel.inspect').getAnimations().length === 0").await;
    picture("joint-inspector").await;
    open_at(page, server, "snapshot", 3.995).await;
    step_until(page, "return document.querySelector('[data-testid=arriving]') !== null").await;
    picture("snapshot").await;
}

#[test]
fn members_and_snapshots_are_seen_on_a_phone() {
    browse(Look::PHONE, tell_on_a_phone);
}

#[test]
fn members_and_snapshots_are_seen_on_a_phone_in_the_light() {
    browse(Look::PHONE.light(), tell_on_a_phone);
}
