"""Opens a report in headless Chromium and says what it finds: python report.py REPORT.html FOLDER

One JSON document on stdout. Screenshots go to FOLDER. The driver is Debian's chromedriver: nothing is fetched.
"""

import json
import pathlib
import sys
import tempfile
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars"]
# Where the cursor stands in every chart: the time under it, or null.
CURSORS = "return report.charts.map(u => u.cursor.left >= 0 ? u.posToVal(u.cursor.left, 'x') : null)"


def browser(folder):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in FLAGS + [f"--user-data-dir={folder}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


def requests(driver):
    """What the page asked the network for, beside itself."""
    asked = []
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.append(message["params"]["request"]["url"])
    return [url for url in asked if not url.startswith(("file:", "data:", "chrome"))]


def look(driver, out, name, width, theme):
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]})
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                           {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600})
    time.sleep(0.5)
    size = driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": {
        "x": 0, "y": 0, "width": width, "height": min(size["height"], 12000), "scale": 1}})
    import base64
    (out / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))
    return size["width"]


def main(report, out):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        driver = browser(folder)
        try:
            found = examine(driver, pathlib.Path(report).resolve().as_uri(), out)
        finally:
            driver.quit()
    print(json.dumps(found))


def examine(driver, url, out):
    driver.set_window_size(1280, 900)
    begun = time.monotonic()
    driver.get(url)
    driver.execute_async_script("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))")
    found = {"open_s": time.monotonic() - begun}
    found["sections"] = driver.execute_script("return [...document.querySelectorAll('main > section')].map(s => s.id)")
    found["charts"] = driver.execute_script("return report.charts.length")
    found["curves"] = driver.execute_script("return report.curves.length")
    # A mouse over the first chart moves the cursor of all.
    if found["charts"]:
        over = driver.find_element(By.CSS_SELECTOR, "#chartgrid .u-over")
        driver.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", over)
        ActionChains(driver).move_to_element_with_offset(over, 40, 5).perform()
        time.sleep(0.3)
        found["cursors"] = driver.execute_script(CURSORS)
        found["time"] = driver.execute_script("return report.state.time")
        found["readout"] = driver.find_element(By.ID, "readout").text
        # Dragging over one chart zooms all.
        ActionChains(driver).move_to_element_with_offset(over, -100, 5).click_and_hold().move_by_offset(150, 0).release().perform()
        time.sleep(0.3)
        found["ranges"] = driver.execute_script("return report.charts.map(u => [u.scales.x.min, u.scales.x.max])")
        grid = driver.find_element(By.ID, "chartgrid")
        driver.execute_script("arguments[0].focus()", grid)
        before = driver.execute_script("return report.state.time")
        ActionChains(driver).send_keys("\ue014").perform()
        time.sleep(0.2)
        found["key_moved"] = driver.execute_script("return report.state.time") != before
        driver.execute_script("report.setRange(0, 1e9)")
    links = driver.find_elements(By.CSS_SELECTOR, "#findings a.t, #audit a.t")
    if links:
        asked = float(links[0].get_attribute("href").split("#t=")[1])
        driver.execute_script("arguments[0].click()", links[0])
        time.sleep(0.4)
        found["link"] = [asked, driver.execute_script("return report.state.time")]
        driver.execute_script("report.setRange(0, 1e9); report.setTime(arguments[0]); scrollTo(0, 0)", asked)
    # Something is drawn on map and timeline.
    found["painted"] = driver.execute_script("""return ['mapview', 'lanes'].map(id => { const c = document.getElementById(id); if (!c) return 0;
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; const s = new Set(); for (let i = 0; i < d.length; i += 4) s.add(d[i] << 16 | d[i + 1] << 8 | d[i + 2]); return s.size; })""")
    look(driver, out, "light", 1280, "light")
    look(driver, out, "dark", 1280, "dark")
    found["phone_width"] = look(driver, out, "phone", 390, "light")
    look(driver, out, "phone-dark", 390, "dark")
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    pdf = driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    import base64
    (out / "print.pdf").write_bytes(base64.b64decode(pdf["data"]))
    found["console"] = [entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    found["requests"] = requests(driver)
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
