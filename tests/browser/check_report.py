"""Opens a rendered report and its gallery as a reader does: python3 check_report.py CHROMIUM REPORT_FOLDER [--pictures FOLDER]

Every check is one function; the first that fails ends the test with what was seen. With --pictures the pages are also kept as
pictures, wide and narrow, light and dark, and as a printed page, to be looked at.
"""

import argparse
import base64
import contextlib
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from devtools import Browser  # noqa: E402


def same(seen, wanted, what):
    if seen != wanted:
        raise SystemExit(f"{what}: {seen!r} instead of {wanted!r}")


def holds(condition, what):
    if not condition:
        raise SystemExit(what)


def middle(browser, element):
    """Where an element lies, once it is in sight."""
    script = f"""(() => {{ const e = {element}; e.scrollIntoView({{block: 'center', inline: 'center'}});
        const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"""
    return browser.value(script)


SCORES = "[...document.querySelectorAll('main > .scroll > table')].find(t => t.caption.textContent.startsWith('Measured, scale'))"
ROWS = f"[...{SCORES}.tBodies[0].rows].filter(r => !r.classList.contains('more'))"


def names(browser):
    return browser.value(f"{ROWS}.map(r => r.cells[0].textContent)")


def head(column):
    return f"[...{SCORES}.tHead.rows[0].cells].find(c => c.textContent === '{column}')"


def sorts_by_click(browser):
    first = names(browser)
    averages = browser.value(f"{ROWS}.map(r => parseFloat(r.cells[2].firstChild.textContent))")
    # Rows with the same value keep their order, up and down.
    up = [first[row] for row in sorted(range(len(first)), key=lambda row: averages[row])]
    down = [first[row] for row in sorted(range(len(first)), key=lambda row: -averages[row])]
    holds(first != down, f"the report must not be sorted by its averages already: {averages}")
    for wanted, mark in [(up, "ascending"), (down, "descending"), (first, None)]:
        browser.click(*middle(browser, f"{head('Avg')}.querySelector('button')"))
        same(names(browser), wanted, f"rows after a click ({mark})")
        same(browser.value(f"{head('Avg')}.getAttribute('aria-sort')"), mark, "aria-sort")


def sorts_by_key(browser):
    first = names(browser)
    browser.value(f"{head('variant')}.querySelector('button').focus()")
    browser.key("Enter")
    same(names(browser), sorted(first, key=str.lower), "rows after Enter on the head of the names")
    same(browser.value(f"{head('variant')}.getAttribute('aria-sort')"), "ascending", "aria-sort")
    same(browser.value("document.querySelectorAll('[aria-sort]').length"), 1, "sorted columns")
    browser.key("Enter")
    browser.key("Enter")
    same(names(browser), first, "rows after three times Enter")


def opens(browser):
    row = f"{ROWS}[0]"
    more = f"{row}.nextElementSibling"
    holds(browser.value(f"{more}.hidden"), "a row is open before anybody clicked")
    browser.click(*middle(browser, f"{row}.cells[3]"))
    holds(browser.value(f"{more}.hidden === false && {more}.querySelector('details').open"), "a click did not open the row")
    same(browser.value(f"{row}.querySelector('button').getAttribute('aria-expanded')"), "true", "aria-expanded")
    text = browser.value(f"{more}.innerText")
    for part in ["Jobs of", "minutes", "reward, last", "by suite", "unparsable", "truncated", "failed", "DocMath", "MRCR"]:
        holds(part in text, f"{part!r} is not in an open row: {text}")
    link = browser.value(f"{more}.querySelector('a').getAttribute('href')")
    holds("/jobs/" in link and link.endswith("/"), f"a job's link leads to {link}")
    # A job opens to its items; the row above stays open, and sorting takes both along.
    job = f"{more}.querySelector('table').tBodies[0].rows[0]"
    browser.click(*middle(browser, f"{job}.cells[3]"))
    holds("DocMath, main" in browser.value(f"{job}.nextElementSibling.innerText"), "a job does not open to its items")
    holds(not browser.value(f"{more}.hidden"), "opening a job closed its variant")
    name = names(browser)[0]
    browser.click(*middle(browser, f"{head('Avg')}.querySelector('button')"))
    browser.click(*middle(browser, f"{head('Avg')}.querySelector('button')"))
    holds(names(browser)[0] != name, "the rows did not move")
    after = f"{ROWS}.find(r => r.cells[0].textContent === {name!r}).nextElementSibling"
    holds(browser.value(f"{after}.hidden === false && {after}.innerText.includes('Jobs of ' + {name!r})"), "the open row was lost")
    browser.click(*middle(browser, f"{head('Avg')}.querySelector('button')"))
    browser.value(f"{ROWS}[0].querySelector('button').focus()")
    browser.key("Enter")
    holds(browser.value(f"{more}.hidden"), "Enter did not close the row")


def hovers(browser):
    figure = "[...document.querySelectorAll('figure')].find(f => f.textContent.includes('Measured curves'))"
    tip = f"{figure}.querySelector('.tip')"
    holds(browser.value(f"{tip}.hidden"), "values are shown before anybody pointed")
    middle(browser, f"{figure}.querySelector('svg')")
    browser.value(f"{figure}.scrollIntoView()")
    panel = f"JSON.parse({figure}.querySelector('script').textContent)[0]"
    left, top, right, bottom = browser.value(f"{panel}.place")
    box = browser.value(f"(() => {{ const r = {figure}.querySelector('svg').getBoundingClientRect(); return [r.x, r.y, r.width / 800]; }})()")
    at = lambda share: (box[0] + box[2] * (left + share * (right - left)), box[1] + box[2] * (top + bottom) / 2)  # noqa: E731
    browser.point("mouseMoved", *at(1.0))
    text = browser.value(f"{tip}.innerText")
    last = browser.value(f"Math.max(...{panel}.curves.flatMap(c => c.at))")
    holds(not browser.value(f"{tip}.hidden") and f"step {last}" in text, f"no values at the last step: {text}")
    for curve in browser.value(f"{panel}.curves.filter(c => c.at.includes({last})).map(c => ({{name: c.name, last: c.mean[c.mean.length - 1], low: c.low !== undefined, digits: {panel}.digits}}))"):
        word = f"{curve['name']}: {curve['last']:.{curve['digits']}f}"
        holds(word in text, f"{word!r} is not among the values: {text}")
        holds(not curve["low"] or " to " in text, f"no interval: {text}")
    holds(browser.value(f"{figure}.querySelector('line.cross') !== null"), "no crosshair")
    browser.point("mouseMoved", *at(0.0))
    holds("step 1" in browser.value(f"{tip}.innerText"), "the values did not follow the pointer")
    browser.point("mouseMoved", 2, 2)
    holds(browser.value(f"{tip}.hidden"), "the values stayed when the pointer left")
    browser.value(f"{figure}.querySelector('svg').focus()")
    browser.key("ArrowRight")
    browser.key("ArrowRight")
    holds("step 2" in browser.value(f"{tip}.innerText"), "arrow keys do not move the values")
    browser.key("Escape")
    holds(browser.value(f"{tip}.hidden"), "Escape does not hide the values")


def is_quiet(browser, url):
    same(browser.complaints(), [], f"{url}: errors in the console")
    same(browser.requests(), [url], f"{url}: what was fetched")


def fits(browser, url):
    """No page is wider than a phone: what is, scrolls in its own frame."""
    browser.size(400, 800)
    browser.open(url)
    width = browser.value("document.documentElement.scrollWidth")
    holds(width <= 400, f"{url}: {width} pixels wide on a screen of 400")
    browser.size(1200, 900)


def reads_without_script(browser, url):
    browser.ask("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(url)
    same(browser.value(f"{ROWS}.map(r => r.nextElementSibling.hidden).includes(true)"), False, "rows hidden without a script")
    same(browser.value("document.querySelectorAll('th button').length"), 0, "buttons that do nothing")
    holds(browser.value("[...document.querySelectorAll('.more summary')].every(s => s.offsetHeight > 0 || s.closest('.more .more'))"), "rows cannot be opened without a script")
    browser.ask("Emulation.setScriptExecutionDisabled", value=False)


def prints(browser, url):
    """What was opened is printed, and nothing is dark."""
    browser.open(url)
    browser.value(f"{ROWS}[0].querySelector('button').click()")
    browser.ask("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    same(browser.value("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)", "paper")
    holds(browser.value(f"{ROWS}[0].nextElementSibling.offsetHeight > 100"), "an open row is lost in print")
    same(browser.value(f"{ROWS}[1].nextElementSibling.offsetHeight"), 0, "a closed row in print")
    browser.ask("Emulation.setEmulatedMedia", media="", features=[])


def gallery(browser, folder):
    url = (folder.parent / "index.html").as_uri()
    browser.open(url)
    same(browser.complaints(), [], "errors in the console of the gallery")
    holds(all(asked.startswith(folder.parent.as_uri()) for asked in browser.requests()), f"the gallery fetched {browser.requests()}")
    pictures = browser.value("[...document.querySelectorAll('.card img')].map(i => { i.loading = 'eager'; return i.decode().then(() => i.naturalWidth, () => 0); }).reduce((all, one) => all.then(list => one.then(width => [...list, width])), Promise.resolve([]))")
    holds(pictures and all(width > 0 for width in pictures), f"pictures in the gallery: {pictures}")
    links = browser.value("[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))")
    lost = [link for link in links if not (folder.parent / link).exists()]
    same(lost, [], "links of the gallery that lead nowhere")
    fits(browser, url)


def pictures(browser, folder, out):
    out.mkdir(parents=True, exist_ok=True)
    pages = {"report": (folder / "report.html").as_uri(), "gallery": (folder.parent / "index.html").as_uri()}
    for name, url in pages.items():
        for width in [1200, 400]:
            for dark in [False, True]:
                browser.size(width, 900, dark)
                browser.open(url)
                for row in [0, 1]:
                    browser.value(f"{{ const b = document.querySelectorAll('button.open')[{row} * 2]; if (b) b.click(); }}")
                browser.value("document.querySelectorAll('.card details').forEach(d => { d.open = true; })")
                height = browser.value("document.documentElement.scrollHeight")
                browser.size(width, min(height, 12000), dark)
                shot = browser.ask("Page.captureScreenshot", format="png")
                (out / f"{name}-{width}-{'dark' if dark else 'light'}.png").write_bytes(base64.b64decode(shot["data"]))
        browser.size(1200, 900)
        browser.open(url)
        browser.value("{ const b = document.querySelector('button.open'); if (b) b.click(); }")
        page = browser.ask("Page.printToPDF", preferCSSPageSize=True, paperWidth=8.27, paperHeight=11.69, printBackground=True)
        (out / f"{name}.pdf").write_bytes(base64.b64decode(page["data"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chromium")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--pictures", type=pathlib.Path)
    args = parser.parse_args()
    folder = args.folder.resolve()
    url = (folder / "report.html").as_uri()
    with contextlib.ExitStack() as stack:
        profile = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        browser = stack.enter_context(Browser(args.chromium, profile))
        if args.pictures:
            return pictures(browser, folder, args.pictures)
        browser.size(1200, 900)
        browser.open(url)
        for check in [sorts_by_click, sorts_by_key, opens, hovers]:
            check(browser)
        is_quiet(browser, url)
        fits(browser, url)
        reads_without_script(browser, url)
        prints(browser, url)
        gallery(browser, folder)
    print("sorts, opens, hovers, prints, fits, is quiet")


main()
