from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from evaluation.report import render_report
from evaluation.report_data import ReportData

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-file-access-from-files",
    "--enable-logging=stderr",
    "--virtual-time-budget=4000",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
WRAPPER = """<!DOCTYPE html><body><iframe id=f src="report.html" width="390" height="900" style="border:0"></iframe>
<pre id=out></pre><script>
onload = () => { const d = document.getElementById('f').contentDocument, e = d.documentElement;
  const wide = [...d.querySelectorAll('body *')].filter(x => x.getBoundingClientRect().right > 391
    && !x.closest('.scroll')).map(x => x.tagName + '.' + x.getAttribute('class'));
  const broken = [...d.images].filter(i => !i.naturalWidth).length;
  document.getElementById('out').textContent = 'width=' + e.scrollWidth + ' styled='
    + getComputedStyle(d.body).margin + ' broken=' + broken + ' wide=[' + wide.slice(0, 5) + ']'; };
</script>"""


def browse(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("which", ["report_data", "hostile_report"])
def test_a_browser_shows_it_at_phone_width(tmp_path: Path, request: pytest.FixtureRequest, which: str) -> None:
    data: ReportData = request.getfixturevalue(which)
    (tmp_path / "report.html").write_text(render_report(data, "ru"), encoding="utf-8")
    (tmp_path / "wrapper.html").write_text(WRAPPER, encoding="utf-8")
    log = tmp_path / "net.json"
    done = browse(tmp_path, f"--log-net-log={log}", "--dump-dom", (tmp_path / "wrapper.html").as_uri())
    measured = re.search(r'<pre id="out">(.*?)</pre>', done.stdout)
    assert measured is not None and measured[1] == "width=390 styled=0px broken=0 wide=[]"
    assert "CONSOLE" not in done.stderr and "Refused to" not in done.stderr
    asked = set(re.findall(r'"url":"(\w+:[^"]*)"', log.read_text(errors="replace")))
    browsers_own = re.compile(r"(file|data|chrome[\w-]*|about):|https?://[\w.]*\b(google|googleapis|gstatic)\.com/")
    assert not [url for url in asked if not browsers_own.match(url)]
