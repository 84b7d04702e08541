"""Draw the example pictures that come with the package: `python examples/draw_pictures.py gemma3_jax/examples`.

A shop front, a till receipt and a filled-in form, lit, tilted and compressed like photographs. Nothing in them is anyone
else's: walls, wood and paper are noise, the lettering is set in free fonts (Debian: fonts-lobster fonts-bebas-neue
fonts-courier-prime fonts-dancingscript fonts-liberation2), and Pillow's own face stands in for one that is not installed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FONTS = Path("/usr/share/fonts")
SCRIPT = "opentype/lobster/lobster.otf"
POSTER = "opentype/bebas-neue/BebasNeue-Bold.otf"
TYPEWRITER = "opentype/courier-prime/Courier Prime.otf"
HAND = "opentype/dancingscript/DancingScript-Bold.otf"
SANS = "truetype/liberation2/LiberationSans-Regular.ttf"
SANS_BOLD = "truetype/liberation2/LiberationSans-Bold.ttf"

Corners = list[tuple[float, float]]


def font(name: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A face of `size` px, Pillow's own where `name` is not installed."""
    path = FONTS / name
    return ImageFont.truetype(path, size) if path.exists() else ImageFont.load_default(size)


def clouds(height: int, width: int, cells: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise float [h, w] with mean 0, about `cells` blobs across."""
    coarse = rng.normal(size=(max(2, cells * height // width), cells)).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def brick_wall(height: int, width: int, rng: np.random.Generator) -> Image.Image:
    """Red bricks in running bond, each a little different, with rough mortar."""
    wall = np.empty((height, width, 3), np.float32)
    wall[:] = (178, 168, 156)
    brick_h, brick_w, joint = 34, 96, 5
    for row, top in enumerate(range(0, height, brick_h)):
        for left in range(-(row % 2) * brick_w // 2, width, brick_w):
            colour = np.array([138, 66, 50]) + rng.normal(0, 12) + rng.normal(0, 4, 3)
            wall[top : top + brick_h - joint, max(left, 0) : left + brick_w - joint] = colour
    grain = 9 * rng.normal(size=(height, width)) + 12 * clouds(height, width, 90, rng)
    image = Image.fromarray(np.uint8(np.clip(wall + grain[..., None], 0, 255)))
    return image.filter(ImageFilter.GaussianBlur(0.8))


def wood(height: int, width: int, rng: np.random.Generator) -> Image.Image:
    """A dark table: stretched noise along the grain."""
    grain = clouds(height, 8, 4, rng).mean(axis=1)[:, None] * 6
    streaks = np.asarray(
        Image.fromarray(rng.normal(size=(height, 12)).astype(np.float32)).resize((width, height))
    )
    colour = np.array([92, 62, 40]) + (grain + 9 * streaks)[..., None] * np.array([1.2, 1.0, 0.8])
    return Image.fromarray(np.uint8(np.clip(colour, 0, 255))).filter(ImageFilter.GaussianBlur(1))


def lay(ground: Image.Image, sheet: Image.Image, corners: Corners, shadow: int = 10) -> None:
    """Paste `sheet` (RGBA) onto `ground` with its corners at `corners` (clockwise from top left) and a soft shadow."""
    width, height = sheet.size
    flat = [(0, 0), (width, 0), (width, height), (0, height)]
    rows, values = [], []
    for (x, y), (u, v) in zip(corners, flat, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    back = np.linalg.solve(np.array(rows, float), np.array(values, float)).tolist()
    method, taps = Image.Transform.PERSPECTIVE, Image.Resampling.BICUBIC
    warped = sheet.transform(ground.size, method, back, taps)
    soft = warped.getchannel("A").filter(ImageFilter.GaussianBlur(shadow))
    dark = Image.blend(soft, Image.new("L", soft.size), 0.5)
    ground.paste((0, 0, 0), (shadow, shadow), dark)
    ground.paste(warped, (0, 0), warped)


def photograph(image: Image.Image, rng: np.random.Generator, blur: float) -> Image.Image:
    """Uneven light, a vignette, a little blur and sensor noise."""
    height, width = image.height, image.width
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light = 1.06 - 0.16 * (x**2 + y**2) + 0.10 * x - 0.06 * y + 0.03 * clouds(height, width, 4, rng)
    lit = np.asarray(image.filter(ImageFilter.GaussianBlur(blur)), np.float32) * light[..., None]
    noisy = lit + rng.normal(0, 3.0, lit.shape)
    return Image.fromarray(np.uint8(np.clip(noisy, 0, 255)))


def shop_front() -> Image.Image:
    """A painted board and a small chalk sign on a brick wall, seen from below and from the side."""
    rng = np.random.default_rng(7)
    wall = brick_wall(720, 1080, rng)
    board = Image.new("RGBA", (1000, 330), (22, 62, 54, 255))
    pen = ImageDraw.Draw(board)
    pen.rectangle((14, 14, 985, 315), outline=(214, 178, 94), width=5)
    pen.text((504, 134), "The Copper Kettle", font=font(SCRIPT, 122), fill=(8, 30, 26), anchor="mm")
    pen.text((500, 130), "The Copper Kettle", font=font(SCRIPT, 122), fill="#f0d48a", anchor="mm")
    line = "COFFEE & TEA ROOMS  SINCE 1987"
    pen.text((500, 250), line, font=font(POSTER, 62), fill="#efe9dc", anchor="mm")
    lay(wall, board, [(96, 120), (1000, 60), (985, 372), (104, 384)], 14)
    slate = Image.new("RGBA", (420, 300), (38, 40, 42, 255))
    pen = ImageDraw.Draw(slate)
    pen.rectangle((0, 0, 419, 299), outline=(120, 84, 52), width=14)
    rows = [("Open daily", 62), ("8:30 - 18:00", 58), ("Fresh scones $2.40", 42)]
    for (text, size), y in zip(rows, (72, 146, 226), strict=True):
        pen.text((210, y), text, font=font(HAND, size), fill="#e8e8e2", anchor="mm")
    lay(wall, slate, [(600, 430), (902, 424), (900, 652), (606, 640)])
    number = Image.new("RGBA", (190, 140), (26, 60, 130, 255))
    pen = ImageDraw.Draw(number)
    pen.rectangle((6, 6, 183, 133), outline="white", width=4)
    pen.text((95, 72), "42B", font=font(SANS_BOLD, 84), fill="white", anchor="mm")
    lay(wall, number, [(250, 470), (382, 466), (384, 562), (252, 568)], 6)
    return photograph(wall, rng, 0.7)


def receipt() -> Image.Image:
    """Thermal paper on a table, a few degrees askew, gently creased."""
    rng = np.random.default_rng(11)
    table = wood(1080, 760, rng)
    paper = Image.new("RGBA", (520, 900), (244, 243, 238, 255))
    pen = ImageDraw.Draw(paper)
    face = font(TYPEWRITER, 27)
    heading = [("GREEN VALLEY MARKET", SANS_BOLD, 36), ("12 Harbour Street", TYPEWRITER, 27)]
    heading += [("Tel. 0117 496 0312", TYPEWRITER, 27)]
    y = 50
    for text, name, size in heading:
        pen.text((260, y), text, font=font(name, size), fill=(44, 44, 50), anchor="mm")
        y += 42
    pen.text((36, 196), "14/03/2025  17:42", font=face, fill=(44, 44, 50))
    pen.line((36, 244, 484, 244), fill=(90, 90, 96), width=2)
    items = [("Oat milk 1L", "1.95"), ("Rye bread", "3.20"), ("Apples 0.84 kg", "2.26")]
    items += [("Olive oil", "7.49"), ("Dark chocolate", "2.10"), ("Discount 10%", "-1.70")]
    for row, (article, price) in enumerate(items):
        pen.text((36, 268 + 48 * row), article, font=face, fill=(44, 44, 50))
        pen.text((484, 268 + 48 * row), price, font=face, fill=(44, 44, 50), anchor="ra")
    pen.line((36, 566, 484, 566), fill=(90, 90, 96), width=2)
    pen.text((36, 584), "TOTAL", font=font(SANS_BOLD, 40), fill=(36, 36, 42))
    pen.text((484, 584), "$15.30", font=font(SANS_BOLD, 40), fill=(36, 36, 42), anchor="ra")
    pen.text((36, 660), "VISA  **** 4471", font=face, fill=(44, 44, 50))
    pen.text((36, 704), "Auth code 608215", font=face, fill=(44, 44, 50))
    pen.text((260, 800), "THANK YOU!", font=font(POSTER, 60), fill=(44, 44, 50), anchor="mm")
    pen.text(
        (260, 856), "www.greenvalley.example", font=font(SANS, 26), fill=(44, 44, 50), anchor="mm"
    )
    creases = 5 * clouds(900, 520, 5, rng) + 7 * np.sin(np.arange(900) / 150)[:, None]
    shaded = np.asarray(paper, np.float32)
    shaded[..., :3] += creases[..., None]
    paper = Image.fromarray(np.uint8(np.clip(shaded, 0, 255)))
    lay(table, paper, [(112, 74), (628, 48), (660, 996), (84, 1010)], 12)
    return photograph(table, rng, 0.6)


def form() -> Image.Image:
    """An office form, filled in by hand and scanned a little crooked."""
    rng = np.random.default_rng(5)
    sheet = Image.new("RGB", (1000, 760), (250, 249, 245))
    pen = ImageDraw.Draw(sheet)
    pen.text((60, 48), "EQUIPMENT LOAN REQUEST", font=font(SANS_BOLD, 38), fill="#222222")
    pen.text((60, 100), "Please print clearly.", font=font(SANS, 22), fill="#333333")
    pen.text((770, 62), "Form No. E-107", font=font(SANS, 22), fill="#333333")
    fields = [("Name:", "Maria Holm", 60, 170), ("Date:", "6 May 2024", 600, 170)]
    fields += [("Department:", "Field Biology", 60, 250), ("Room:", "B 214", 600, 250)]
    fields += [("Item:", "Binoculars 10x42", 60, 330), ("Quantity:", "3", 600, 330)]
    fields += [("Return by:", "20 May 2024", 60, 410), ("Phone:", "555-0148", 600, 410)]
    for label, value, x, y in fields:
        pen.text((x, y), label, font=font(SANS_BOLD, 24), fill="#222222")
        start = x + pen.textlength(label, font=font(SANS_BOLD, 24)) + 14
        pen.line((start, y + 32, x + (480 if x < 100 else 340), y + 32), fill="#777777", width=2)
        pen.text((start + 8, y - 12), value, font=font(HAND, 38), fill="#1d2f7a")
    rules = "Equipment remains the property of the institute. Report damage within two days and\n"
    rules += "return every item clean and complete to the store on the ground floor."
    pen.multiline_text((60, 510), rules, font=font(SANS, 22), fill="#333333", spacing=10)
    pen.text((60, 640), "Signature:", font=font(SANS_BOLD, 24), fill="#222222")
    pen.line((200, 672, 520, 672), fill="#777777", width=2)
    pen.text((214, 616), "M. Holm", font=font(HAND, 46), fill="#1d2f7a")
    turned = sheet.rotate(0.8, Image.Resampling.BICUBIC, fillcolor=(236, 235, 230))
    noisy = np.asarray(turned, np.float32) + rng.normal(0, 4, (760, 1000, 1))
    return Image.fromarray(np.uint8(np.clip(noisy, 0, 255)))


def main(folder: Path) -> None:
    """Write sign.jpg, receipt.jpg and form.jpg."""
    folder.mkdir(parents=True, exist_ok=True)
    shop_front().save(folder / "sign.jpg", quality=82)
    receipt().save(folder / "receipt.jpg", quality=80)
    form().save(folder / "form.jpg", quality=80)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "gemma3_jax/examples"))
