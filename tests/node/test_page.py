"""The page for people, in a real Chromium without a window."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smartvm.chain import Chain
from smartvm.compiler import lenet5
from smartvm.compiler.abi import encode_call
from smartvm.compiler.artefact import Artefact
from smartvm.compiler.contract import build_contract
from smartvm.compiler.contract_abi import CLASSIFY

webdriver = pytest.importorskip("selenium.webdriver", reason="pip install selenium")
By = pytest.importorskip("selenium.webdriver.common.by").By
ActionChains = webdriver.ActionChains
WebDriverWait = pytest.importorskip("selenium.webdriver.support.wait").WebDriverWait

SECONDS = 30
THREE = [(80, 60), (140, 40), (190, 70), (150, 125), (110, 130), (200, 190), (150, 235), (80, 215)]
"""A 3 in one stroke, on a canvas of 280 by 280."""
EXAMPLES = "37052"
"""The digits of the button Example, in their order."""

CALL_RPC = """
const [module, name, parameters, done] = arguments;
import(module).then((all) => done(Array.from(all[name](...parameters))), (e) => done(String(e)));
"""


class Page:
    """The page of one node in the browser."""

    def __init__(self, browser: Any, url: str) -> None:
        self.browser, self.url = browser, url
        browser.get_log("browser"), browser.get_log("performance")  # those of the page before
        browser.get(url)
        self.wait(lambda: self.text("head-state") == "live")

    def wait(self, condition: Callable[[], Any]) -> Any:
        """What a condition gives once that is true."""
        return WebDriverWait(self.browser, SECONDS, 0.02).until(lambda _: condition())

    def find(self, name: str) -> Any:
        return self.browser.find_element(By.ID, name)

    def all(self, selector: str) -> list[Any]:
        return list(self.browser.find_elements(By.CSS_SELECTOR, selector))

    def text(self, name: str) -> str:
        return str(self.find(name).text)

    def draw(self, points: list[tuple[int, int]]) -> bytes:
        """Draw one stroke; the image that the contract was given."""
        canvas = self.find("canvas")
        scale = canvas.size["width"] / 280
        places = [(int((x - 140) * scale), int((y - 140) * scale)) for x, y in points]
        pen = ActionChains(self.browser, duration=5)
        pen.move_to_element_with_offset(canvas, *places[0]).click_and_hold()
        for place in places[1:]:
            pen.move_to_element_with_offset(canvas, *place)
        pen.release().perform()
        return self.answered("")

    def answered(self, before: str) -> bytes:
        """The image to which the answer is that is shown, once it is another than `before`."""
        found = self.wait(lambda: (now := self._answered()) and now != before and now)
        return bytes.fromhex(found[2:])

    def _answered(self) -> str:
        return str(self.find("seen").get_attribute("data-answered") or "")

    def seen(self) -> bytes:
        """The pixels of the small picture."""
        script = """const c = document.getElementById("seen");
        return Array.from(c.getContext("2d").getImageData(0, 0, c.width, c.height).data)"""
        return bytes(self.browser.execute_script(script)[::4])

    def complaints(self) -> list[str]:
        """Errors and warnings of the console."""
        levels = ("WARNING", "SEVERE")
        return [e["message"] for e in self.browser.get_log("browser") if e["level"] in levels]

    def requests(self) -> list[str]:
        """The addresses that were asked for anything."""
        messages = (json.loads(e["message"]) for e in self.browser.get_log("performance"))
        events = (message["message"] for message in messages)
        sent = [e for e in events if e["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("Chromium is not installed: Debian's packages chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for option in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1300,1000"):
        options.add_argument(f"--{option}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driven = webdriver.Chrome(options, webdriver.ChromeService(driver))
    driven.set_script_timeout(SECONDS)
    yield driven
    driven.quit()


@pytest.fixture(scope="module")
def lenet_node(serve: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A node whose chain has LeNet-5, and one inference."""
    path = tmp_path_factory.mktemp("page") / "chain"
    with Chain(path) as chain:
        address = chain.deploy_model(build_contract(lenet5.load())).address
        chain.infer(address, lenet5.test_split().pixels[0].tobytes())
    with serve("--db", str(path)) as node:
        node.address = f"0x{address.hex()}"
        yield node


@pytest.fixture
def page(browser: Any, lenet_node: Any) -> Page:
    return Page(browser, lenet_node.url)


def test_it_shows_the_model_with_its_layers_and_blocks(page: Page, lenet_node: Any) -> None:
    model = lenet_node.rpc("smartvm_model", lenet_node.address)["result"]
    (card,) = page.all(".card")
    assert "LeNet-5" in card.text
    assert lenet_node.address in card.text
    assert "weights as compiled" in card.text
    rows = page.wait(lambda: page.all("#layers tbody tr"))
    assert [row.get_attribute("data-layer") for row in rows] == [
        layer["name"] for layer in model["layers"]
    ]
    for row, layer in zip(rows, model["layers"], strict=True):
        assert f"{int(layer['gas'], 16):,} (" in row.text
    blocks = {cell.get_attribute("data-block") for cell in page.all("#blocks-map .cell")}
    assert blocks == set(map(str, range(1, 11)))
    assert page.complaints() == []


def test_a_layer_opens_to_its_instructions(page: Page) -> None:
    conv1 = page.wait(lambda: page.all("#layers tbody button"))[1]
    conv1.click()
    lines = [line.text for line in page.all("#layers .lines .mono")]
    assert [line.split()[1] for line in lines] == ["CONV_MUL", "BUF_BIAS", "BUF_SCL1"]
    assert "in_channels=1 out_channels=6 size=32 kernel=5" in lines[0]
    conv1.click()
    assert page.all("#layers .lines") == []


def test_a_drawn_digit_gets_the_chains_own_answer(page: Page, lenet_node: Any) -> None:
    page.draw(THREE)
    page.wait(lambda: page.text("label") == "3")  # until then, answers to parts of the stroke
    image = page.seen()
    request = {"to": lenet_node.address, "data": f"0x{encode_call(CLASSIFY, image).hex()}"}
    answer = lenet_node.rpc("eth_call", request, "latest")["result"]
    assert int(answer, 16) == 3
    values = lenet_node.rpc("smartvm_predict", lenet_node.address, f"0x{image.hex()}")["result"]
    shown = [one.text for one in page.all("#logits .logit-value")]
    assert shown == [f"{value:.2f}" for value in values["values"]]
    assert f"{int(values['gas'], 16):,} gas" in page.text("answer-note")
    page.find("clear").click()
    page.wait(lambda: page.text("label") == "–")
    assert not page.find("infer").is_enabled()
    assert page.complaints() == []


def test_the_examples_are_recognised(page: Page) -> None:
    before = ""
    for digit in EXAMPLES:
        page.find("example").click()
        before = f"0x{page.answered(before).hex()}"
        assert page.text("label") == digit


def test_an_inference_appears_in_the_list_with_its_layers(page: Page, lenet_node: Any) -> None:
    page.draw(THREE)
    earlier = len(page.all("#inferences tbody tr"))
    page.find("infer").click()
    page.wait(lambda: len(page.all("#inferences tbody tr")) == earlier + 1)
    row = page.all("#inferences tbody tr")[0]
    transaction = row.get_attribute("data-transaction")
    receipt = lenet_node.rpc("eth_getTransactionReceipt", transaction)["result"]
    assert receipt["status"] == "0x1"
    assert int(receipt["logs"][0]["data"][-64:], 16) == 3
    page.wait(lambda: transaction in page.text("layers-of"))
    assert page.browser.current_url == f"{page.url}/#tx={transaction}"
    totals = [row.text for row in page.all("#layers tfoot tr")]
    assert totals[-1] == f"The transaction {int(receipt['gasUsed'], 16):,} gas"
    page.find("trace-close").click()
    page.wait(lambda: "LeNet-5 on what is drawn" in page.text("layers-of"))
    assert page.complaints() == []


def test_no_request_leaves_the_node(page: Page) -> None:
    page.draw(THREE)
    requests = page.requests()
    assert len(requests) > 5
    assert {one for one in requests if not one.startswith(f"{page.url}/")} == set()


def test_scripts_that_are_not_the_nodes_do_not_run(page: Page) -> None:
    page.browser.execute_script("""
        const inline = document.createElement("script");
        inline.textContent = "window.foreign = true";
        document.body.append(inline);""")
    assert page.browser.execute_script("return window.foreign") is None
    assert any("Content Security Policy" in one for one in page.complaints())


def test_a_narrow_window_needs_no_scrolling_sideways(page: Page) -> None:
    size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        width = page.browser.execute_script("return document.documentElement.scrollWidth")
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert width <= 390


def test_pixels_are_made_as_those_of_the_training_set(page: Page) -> None:
    digits = np.random.default_rng(1).integers(0, 17, (3, 8, 8))
    for digit, expected in zip(digits, lenet5.enlarge(digits), strict=True):
        parameters = ["/digit.js", "enlarge", [digit.ravel().tolist()]]
        found = page.browser.execute_async_script(CALL_RPC, *parameters)
        assert found == expected.ravel().tolist()


@pytest.mark.parametrize("side", [28, 32])
def test_mnist_digits_are_centred_by_their_mass(page: Page, side: int) -> None:
    stroke = [{"x": x, "y": y} for x, y in THREE]
    parameters = ["/digit.js", "prepare", [[stroke], side, "mnist"]]
    image = np.array(page.browser.execute_async_script(CALL_RPC, *parameters)).reshape(side, side)
    rows = np.flatnonzero(image.any(axis=1))
    assert rows.max() - rows.min() + 1 in (20, 21)
    for axis in (0, 1):
        mass = image.sum(axis=1 - axis)
        assert abs((mass * np.arange(side)).sum() / mass.sum() - (side - 1) / 2) <= 0.5


def test_an_empty_chain_and_the_models_that_come(
    browser: Any, serve: Callable[..., Any], small_model: Artefact, tmp_path: Path
) -> None:
    with serve() as node:
        page = Page(browser, node.url)
        assert "No model on this chain yet" in page.text("empty")
        sender = node.rpc("eth_accounts")["result"][0]
        deployment = {
            "from": sender,
            "gas": hex(10_000_000),
            "data": f"0x{small_model.contract.init_code.hex()}",
        }
        assert "result" in node.rpc("eth_sendTransaction", deployment)
        (card,) = page.wait(lambda: page.all(".card"))
        assert "weights incomplete" in card.text
        page.wait(lambda: "cannot run yet" in page.text("layers-of"))
        assert "28 × 28 or 32 × 32 pixels" in page.text("draw-unfit")
        assert page.complaints() == []
        node.stop()
        page.wait(lambda: page.find("problem").is_displayed())
        assert "The node does not answer" in page.text("problem")
        assert page.text("head-state") == "not reachable"
