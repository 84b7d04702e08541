"""Label Studio, docTR and COCO-Text: files as the tools export them, and what each means by its numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from annotated import box, put_picture, put_text, seen

from gemma3_jax.data.annotations import detect, read_folder


def rectangle_results(
    region: str, text: str | None, label: str = "Text", **value: float
) -> list[dict]:
    """What Label Studio stores for one rectangle of its OCR template: shape, label and text apart, one id."""
    shape = {"x": 5.0, "y": 20.0, "width": 50.0, "height": 30.0, "rotation": 0, **value}
    common = {"id": region, "original_width": 200, "original_height": 100, "image_rotation": 0}
    results = [
        {**common, "from_name": "bbox", "type": "rectangle", "value": shape},
        {**common, "from_name": "label", "type": "labels", "value": {**shape, "labels": [label]}},
    ]
    if text is not None:
        words = {**shape, "text": [text]}
        results.append({**common, "from_name": "transcription", "type": "textarea", "value": words})
    return results


def task(results: list[dict], url: str = "/data/upload/1/3f2a9b1c-cafe.jpg", **more: Any) -> dict:
    annotation = {"id": 7, "was_cancelled": False, "result": results}
    return {"id": 1, "data": {"ocr": url}, "annotations": [annotation], "predictions": [], **more}


def read_tasks(folder, *tasks: dict):
    put_picture(folder / "cafe.jpg")
    put_text(folder / "project-1.json", json.dumps(tasks))
    assert detect(folder) == "label-studio"
    return read_folder(folder)


def test_label_studio_is_in_percent(tmp_path):
    (sample,) = read_tasks(tmp_path, task(rectangle_results("a", "Tea")))
    assert sample.image_path == tmp_path / "cafe.jpg"
    assert seen(sample) == [("Tea", False, box(10, 20, 110, 50))]


def test_label_studio_turns_in_pixels_about_the_top_left(tmp_path):
    """A quarter turn clockwise: the top edge runs down, the left edge to the left, in px and not in percent."""
    results = rectangle_results("a", "Tea", x=50.0, y=10.0, width=25.0, height=20.0, rotation=90)
    (sample,) = read_tasks(tmp_path, task(results))
    assert seen(sample) == [("Tea", False, [[100, 10], [100, 60], [80, 60], [80, 10]])]


def test_label_studio_polygons_may_start_anywhere(tmp_path):
    points = [[55, 50], [5, 50], [5, 20], [55, 20]]
    value = {"points": points, "polygonlabels": ["Text"]}
    results = [
        {"id": "p", "type": "polygonlabels", "value": value},
        {"id": "p", "type": "textarea", "value": {"points": points, "text": ["Tea"]}},
    ]
    (sample,) = read_tasks(tmp_path, task(results))
    assert seen(sample) == [("Tea", False, box(10, 20, 110, 50))]


def test_label_studio_regions_without_text_or_marked_so_are_do_not_care(tmp_path):
    results = [
        *rectangle_results("a", None),
        *rectangle_results("b", "maybe", label="Illegible"),
        {"id": "n", "type": "choices", "value": {"choices": ["blurred photograph"]}},
        {"type": "relation", "from_id": "a", "to_id": "b"},
    ]
    (sample,) = read_tasks(tmp_path, task(results))
    assert [(word.text, word.ignore) for word in sample.words] == [("", True), ("maybe", True)]


@pytest.mark.parametrize(
    "url",
    [
        "/data/local-files/?d=photos/2024/cafe.jpg",
        "https://example.com/a/cafe.jpg?sig=1",
        "s3://bucket/cafe.jpg",
        "/data/upload/1/cafe.jpg",
    ],
)
def test_label_studio_urls_lead_nowhere_but_to_a_file_name(tmp_path, url):
    (sample,) = read_tasks(tmp_path, task(rectangle_results("a", "Tea"), url))
    assert sample.image_path == tmp_path / "cafe.jpg"


def test_label_studio_cancelled_and_unannotated_tasks_are_passed_over(tmp_path):
    cancelled = task(rectangle_results("a", "wrong"), id=2)
    cancelled["annotations"][0]["was_cancelled"] = True
    empty = task([], id=3, annotations=[])
    samples = read_tasks(tmp_path, task(rectangle_results("a", "Tea")), cancelled, empty)
    assert [word.text for sample in samples for word in sample.words] == ["Tea"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"image_rotation": 90}, "project-1.json task 1: .*turned inside Label Studio"),
        ({"original_width": 1280}, r"boxes were drawn on 1280x100 px.*cafe\.jpg is 200x100"),
    ],
)
def test_label_studio_on_another_view_of_the_picture_is_refused(tmp_path, change, complaint):
    results = [result | change for result in rectangle_results("a", "Tea")]
    with pytest.raises(ValueError, match=complaint):
        read_tasks(tmp_path, task(results))


def read_doctr(folder, labels: Any, name: str = "labels.json"):
    put_picture(folder / "images/page.png")
    put_text(folder / name, json.dumps(labels))
    assert detect(folder) == "doctr"
    return read_folder(folder)


def test_doctr_detection_polygons_are_px_in_any_order(tmp_path):
    polygon = [[110, 50], [10, 20], [10, 50], [110, 20]]
    labels = {"page.png": {"img_dimensions": [100, 200], "img_hash": "0", "polygons": [polygon]}}
    (sample,) = read_doctr(tmp_path, labels)
    assert seen(sample) == [("", True, box(10, 20, 110, 50))]  # no text to learn


def test_doctr_detection_classes_are_not_texts(tmp_path):
    polygons = {"words": [box(10, 20, 110, 50)], "stamps": [box(0, 0, 5, 5)]}
    (sample,) = read_doctr(tmp_path, {"page.png": {"polygons": polygons}})
    assert [(word.text, word.ignore) for word in sample.words] == [("", True)] * 2


@pytest.mark.parametrize(
    "geometry",
    [
        [10, 20, 110, 50],
        [0.05, 0.2, 0.55, 0.5],
        [[0.55, 0.2], [0.55, 0.5], [0.05, 0.5], [0.05, 0.2]],
    ],
)
def test_doctr_words_are_px_or_fractions(tmp_path, geometry):
    labels = {"page.png": {"typed_words": [{"value": "Total", "geometry": geometry}]}}
    (sample,) = read_doctr(tmp_path, labels)
    assert seen(sample) == [("Total", False, box(10, 20, 110, 50))]


def test_doctr_recognition_labels_are_crops(tmp_path):
    (sample,) = read_doctr(tmp_path, {"page.png": "Jedi"})
    assert seen(sample) == [("Jedi", False, box(0, 0, 200, 100))]


def test_a_doctr_export_is_in_fractions_though_some_stick_out(tmp_path):
    word = {"value": "Total", "confidence": 0.9, "geometry": [[0.05, 0.2], [1.01, 0.5]]}
    blocks = [{"lines": [{"words": [word]}]}]
    export = {"pages": [{"page_idx": 0, "dimensions": [100, 200], "blocks": blocks}]}
    (sample,) = read_doctr(tmp_path, export, "page.json")
    assert seen(sample) == [("Total", False, box(10, 20, 202, 50))]


def test_doctr_dimensions_have_the_height_first(tmp_path):
    with pytest.raises(ValueError, match="boxes were drawn on 100x200 px"):
        read_doctr(tmp_path, {"page.png": {"img_dimensions": [200, 100], "polygons": []}})


def coco(**annotation: Any) -> dict:
    image = {"id": 42, "file_name": "COCO_train2014_42.jpg", "width": 200, "height": 100}
    one = {"id": 9, "image_id": 42, "bbox": [10, 20, 100, 30], "class": "machine printed"}
    image |= {"set": "train"}
    return {
        "info": {},
        "imgs": {"42": image},
        "anns": {"9": {**one, **annotation}},
        "imgToAnns": {"42": [9]},
    }


def read_coco(folder, document: dict):
    put_picture(folder / "train2014/COCO_train2014_42.jpg")
    put_text(folder / "cocotext.v2.json", json.dumps(document))
    assert detect(folder) == "coco-text"
    (sample,) = read_folder(folder)
    return seen(sample)


def test_coco_text_boxes_have_a_width_and_height(tmp_path):
    words = read_coco(tmp_path, coco(legibility="legible", utf8_string="Taxi"))
    assert words == [("Taxi", False, box(10, 20, 110, 50))]


@pytest.mark.parametrize("key", ["mask", "polygon", "points"])
def test_coco_text_outlines_go_before_boxes(tmp_path, key):
    outline = [12, 20, 110, 26, 108, 50, 10, 44]
    words = read_coco(tmp_path, coco(legibility="legible", utf8_string="Taxi", **{key: outline}))
    assert words == [("Taxi", False, [[12, 20], [110, 26], [108, 50], [10, 44]])]


def test_an_outline_of_many_points_keeps_its_start(tmp_path):
    """Text that runs upwards: its top left is the bottom left of the picture's box."""
    outline = [10, 90, 10, 50, 10, 10, 30, 10, 30, 50, 30, 90]
    words = read_coco(tmp_path, coco(utf8_string="UP", points=outline))
    assert words == [("UP", False, [[10, 90], [10, 10], [30, 10], [30, 90]])]


@pytest.mark.parametrize(
    "annotation",
    [
        {"legibility": "illegible", "utf8_string": "maybe"},
        {"legibility": "illegible"},
        {"legibility": "legible"},
        {"utf8_string": "."},  # TextOCR
    ],
)
def test_coco_text_that_is_illegible_is_do_not_care(tmp_path, annotation):
    assert [ignore for _, ignore, _ in read_coco(tmp_path, coco(**annotation))] == [True]


def test_a_legible_full_stop_is_a_text(tmp_path):
    words = read_coco(tmp_path, coco(legibility="legible", utf8_string="."))
    assert [ignore for _, ignore, _ in words] == [False]
