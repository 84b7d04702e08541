"""LabelImg's three formats, in files laid out as the tool writes them, and the traps of each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from annotated import box, put_picture, put_text, seen

from gemma3_jax.data.annotations import detect, read_folder, scan_folder

VOC = """<annotation{verified}>
	<folder>photos</folder>
	<filename>{name}</filename>
	<path>C:\\Users\\ann\\Desktop\\photos\\other.jpg</path>
	<source>
		<database>Unknown</database>
	</source>
	<size>
		<width>{width}</width>
		<height>100</height>
		<depth>3</depth>
	</size>
	<segmented>0</segmented>
{objects}</annotation>
"""
OBJECT = """	<object>
		<name>{text}</name>
		<pose>Unspecified</pose>
		<truncated>{truncated}</truncated>
		<difficult>{difficult}</difficult>
		<bndbox>
			<xmin>{0}</xmin>
			<ymin>{1}</ymin>
			<xmax>{2}</xmax>
			<ymax>{3}</ymax>
		</bndbox>
	</object>
"""


def voc_object(text: str, *sides: int, difficult: int = 0, truncated: int = 0) -> str:
    return OBJECT.format(*sides, text=text, difficult=difficult, truncated=truncated)


def put_voc(folder: Path, objects: str, name: str = "shop.jpg", width: int = 200) -> Path:
    put_picture(folder / "shop.jpg")
    text = VOC.format(name=name, width=width, objects=objects, verified=' verified="yes"')
    return put_text(folder / "shop.xml", text)


def test_voc_takes_the_name_as_text_and_the_filename_as_picture(tmp_path):
    put_voc(tmp_path, voc_object("Fish &amp; Chips", 10, 20, 110, 50))
    assert detect(tmp_path) == "voc"
    (sample,) = read_folder(tmp_path)
    assert sample.image_path == tmp_path / "shop.jpg"  # not <path>, a file of the annotator's
    assert seen(sample) == [("Fish & Chips", False, box(10, 20, 110, 50))]


def test_voc_difficult_is_do_not_care_and_truncated_is_not(tmp_path):
    objects = voc_object("EXIT", 1, 1, 50, 30, truncated=1) + voc_object(
        "EXIT", 60, 1, 99, 30, difficult=1
    )
    put_voc(tmp_path, objects + voc_object("###", 110, 1, 150, 30))
    (sample,) = read_folder(tmp_path)
    assert [word.ignore for word in sample.words] == [False, True, True]


def test_voc_of_old_labelimg_has_no_suffix(tmp_path):
    put_voc(tmp_path, voc_object("A", 1, 2, 30, 40), name="shop")
    assert read_folder(tmp_path)[0].image_path.name == "shop.jpg"


def test_voc_in_the_folders_of_pascal(tmp_path):
    put_voc(tmp_path, voc_object("A", 1, 2, 30, 40))
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "JPEGImages").mkdir()
    (tmp_path / "shop.xml").rename(tmp_path / "Annotations/shop.xml")
    (tmp_path / "shop.jpg").rename(tmp_path / "JPEGImages/shop.jpg")
    assert read_folder(tmp_path)[0].image_path == tmp_path / "JPEGImages/shop.jpg"


def test_voc_drawn_on_a_picture_of_another_size_is_refused(tmp_path):
    put_voc(tmp_path, voc_object("A", 1, 2, 30, 40), width=1280)
    with pytest.raises(ValueError, match=r"shop\.xml: boxes were drawn on 1280x100 px.*200x100"):
        read_folder(tmp_path)


def test_voc_sizes_are_those_of_the_upright_picture(tmp_path):
    put_voc(tmp_path, voc_object("A", 1, 2, 30, 40))
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees: 100x200 in the file is 200x100 to look at
    put_picture(tmp_path / "shop.jpg", 100, 200, exif=exif)
    assert len(read_folder(tmp_path)) == 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("<annotation><filename>shop.jpg", r"shop\.xml: not XML"),
        ("<annotation></annotation>", r"shop\.xml: no <annotation> with a <filename>"),
        (
            "<annotation><filename>shop.jpg</filename><object><name>A</name></object></annotation>",
            r"object 'A' has no <bndbox>",
        ),
        (
            VOC.format(name="shop.jpg", width=200, verified="", objects=OBJECT).format(
                "left", 1, 2, 3, text="A", difficult=0, truncated=0
            ),
            r"shop\.xml: .*'left'",
        ),
    ],
)
def test_broken_voc_is_named(tmp_path, content, complaint):
    put_picture(tmp_path / "shop.jpg")
    put_text(tmp_path / "shop.xml", content)
    with pytest.raises(ValueError, match=complaint):
        read_folder(tmp_path, "voc")


def put_yolo(folder: Path, lines: str, classes: str = "dog\nPizza 24h\n\nCAFÉ\n") -> None:
    put_picture(folder / "street.png")
    put_text(folder / "classes.txt", classes)
    put_text(folder / "street.txt", lines)


def test_yolo_boxes_are_centred_fractions_and_classes_are_texts(tmp_path):
    put_yolo(tmp_path, "1 0.300000 0.350000 0.500000 0.300000\n3 0.5 0.5 0.1 1e-1\n")
    assert detect(tmp_path) == "yolo"
    (sample,) = read_folder(tmp_path)
    assert seen(sample) == [
        ("Pizza 24h", False, box(10, 20, 110, 50)),
        ("CAFÉ", False, box(90, 45, 110, 55)),
    ]


def test_an_empty_line_of_classes_counts_and_has_no_text(tmp_path):
    put_yolo(tmp_path, "2 0.5 0.5 0.1 0.1\n")
    (sample,) = read_folder(tmp_path)
    assert [(word.text, word.ignore) for word in sample.words] == [("", True)]


def test_an_empty_yolo_file_is_a_picture_without_words(tmp_path):
    put_yolo(tmp_path, "0 0.5 0.5 0.1 0.1\n")
    put_picture(tmp_path / "wall.png")
    put_text(tmp_path / "wall.txt", "")
    assert [len(sample.words) for sample in read_folder(tmp_path)] == [1, 0]


def test_yolo_folders_of_images_and_labels_by_split(tmp_path):
    for split, seed in (("train", 1), ("val", 2)):
        put_picture(tmp_path / f"images/{split}/a.jpg", seed=seed)
        put_text(tmp_path / f"labels/{split}/a.txt", "0 0.5 0.5 0.2 0.2\n")
    put_text(tmp_path / "classes.txt", "Bar")
    paths = [sample.image_path for sample in read_folder(tmp_path)]
    assert paths == [tmp_path / "images/train/a.jpg", tmp_path / "images/val/a.jpg"]


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("7 0.5 0.5 0.1 0.1\n", r"street\.txt:1: class 7 is not in classes\.txt, which has 4"),
        ("0 0.5 0.5 0.1 0.1\n\n0 0.5 0.5\n", r"street\.txt:3: expected class x y width height"),
    ],
)
def test_broken_yolo_is_named_with_its_line(tmp_path, lines, complaint):
    put_yolo(tmp_path, lines)
    with pytest.raises(ValueError, match=complaint):
        read_folder(tmp_path)


def test_classes_in_a_windows_code_page_are_refused(tmp_path):
    put_yolo(tmp_path, "0 0.5 0.5 0.1 0.1\n")
    put_text(tmp_path / "classes.txt", "CAFÉ", encoding="cp1252")
    with pytest.raises(ValueError, match=r"classes\.txt: byte 3 is not UTF-8: save the file"):
        read_folder(tmp_path)


def createml(label: str = "Open") -> list[dict]:
    coordinates = {"x": 60.0, "y": 35.0, "width": 100.0, "height": 30.0}
    annotations = [{"label": label, "coordinates": coordinates}]
    return [{"image": "door.jpg", "verified": False, "annotations": annotations}]


def test_createml_x_and_y_are_the_centre(tmp_path):
    put_picture(tmp_path / "door.jpg")
    put_text(tmp_path / "photos.json", json.dumps(createml()))
    assert detect(tmp_path) == "createml"
    (sample,) = read_folder(tmp_path)
    assert seen(sample) == [("Open", False, box(10, 20, 110, 50))]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda box: box.pop("width"), r"photos\.json entry 0: has no 'width'"),
        (lambda box: box.update(x="a"), r"photos\.json entry 0: not as the format has it"),
        (lambda box: box.update(x=float("nan")), r"photos\.json entry 0: .*four corners"),
    ],
)
def test_broken_createml_is_named(tmp_path, change, complaint):
    entries = createml()
    change(entries[0]["annotations"][0]["coordinates"])
    put_picture(tmp_path / "door.jpg")
    put_text(tmp_path / "photos.json", json.dumps(entries))
    with pytest.raises(ValueError, match=complaint):
        read_folder(tmp_path)


def test_one_broken_entry_leaves_the_others(tmp_path):
    put_picture(tmp_path / "door.jpg")
    put_text(
        tmp_path / "photos.json",
        json.dumps([*createml(), {"image": "gone.jpg", "annotations": []}]),
    )
    reading = scan_folder(tmp_path)
    assert len(reading.samples) == 1
    assert reading.problems == ["photos.json: picture 'gone.jpg' is not in the folder"]
