"""The delay model's figures and plot in the documentation are those that come out."""

from xml.etree import ElementTree

from flask import Flask

from benchmarks.calibration_plot import draw
from benchmarks.delay_accuracy import BEGIN, END, PAGE, PICTURE, measured
from benchmarks.delay_model_accuracy import CalibrationBin
from tests.servers import on_sqlite

SVG = "{http://www.w3.org/2000/svg}"


@on_sqlite
def test_the_page_has_the_figures_and_the_plot_that_the_demo_data_gives(app: Flask) -> None:
    figures, picture = measured()
    shown = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    assert shown == figures, "write it anew: python -m benchmarks.delay_accuracy"
    assert PICTURE.read_text() == picture


def test_the_plot_has_a_point_for_each_band_where_its_figures_say_and_says_them_in_words() -> None:
    picture = ElementTree.fromstring(draw([CalibrationBin(400, 0.1, 0.12), CalibrationBin(100, 0.5, 0.5)]))
    low, high = ((float(one.get("cx", 0)), float(one.get("cy", 0))) for one in picture.iter(f"{SVG}circle"))
    assert low[0] < high[0]
    assert low[1] > high[1]
    described = picture.find(f"{SVG}desc")
    assert described is not None
    assert described.text == "10% forecast, 12% of 400 trips; 50% forecast, 50% of 100 trips."
    assert picture.get("role") == "img"
    texts = [text.text for text in picture.iter(f"{SVG}text")]
    assert {"forecast chance", "share of the trips that were", "400", "100", "0%", "60%"} <= set(texts)
