#!/usr/bin/env python3
"""Zero-mean normalised correlation and ORB + RANSAC on the pairs that `sitl world pairs DIR` wrote.

    compare-matchers.py DIR [PICTURES]

Pairs show a rectified north-up frame and the map around a wrong estimate, both at 0.5 m per pixel; every
other pair shows two places. Each method gives a place and a score. Printed per method: share of the
pairs of one place within 12 m whatever the score, share that is left when the score must exceed that of
every wrong answer (no false anchor), median error of those within 12 m, and milliseconds per pair on one
thread. With PICTURES, a folder, the clearest pair that we accept and the first two that we refuse are drawn there:
the frame, and the map with the place of the frame as it is (white) and as we see it (black). Needs opencv-python-headless and numpy.
"""

import csv
import sys
import time
from pathlib import Path

import cv2
import numpy as np

GSD_M = 0.5
NEAR_M = 12.0


def zncc(frame, map_):
    """At 1 m per pixel; score: peak over the highest correlation outside 6 m."""
    small = [cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for image in (frame, map_)]
    surface = cv2.matchTemplate(small[1], small[0], cv2.TM_CCOEFF_NORMED)
    _, peak, _, (x, y) = cv2.minMaxLoc(surface)
    rest = surface.copy()
    cv2.circle(rest, (x, y), 6, -1.0, -1)
    middle = (surface.shape[0] - 1) / 2
    ratio = peak / max(float(rest.max()), 1e-3)
    return (middle - y, x - middle), ratio


def orb(frame, map_, detector, matcher):
    """Score: inliers of a similarity."""
    keys_a, seen_a = detector.detectAndCompute(frame, None)
    keys_b, seen_b = detector.detectAndCompute(map_, None)
    if seen_a is None or seen_b is None:
        return None, 0
    pairs = [m for m in matcher.knnMatch(seen_a, seen_b, k=2) if len(m) == 2]
    good = [first for first, second in pairs if first.distance < 0.85 * second.distance]
    if len(good) < 4:
        return None, 0
    a = np.float32([keys_a[m.queryIdx].pt for m in good])
    b = np.float32([keys_b[m.trainIdx].pt for m in good])
    motion, inliers = cv2.estimateAffinePartial2D(a, b, method=cv2.RANSAC, ransacReprojThreshold=4.0)
    if motion is None:
        return None, 0
    middle = (frame.shape[0] - 1) / 2
    x, y = motion @ np.array([middle, middle, 1.0])
    centre = (map_.shape[0] - 1) / 2
    return ((centre - y) * GSD_M, (x - centre) * GSD_M), int(inliers.sum())


def draw(folder, row, path):
    frame, map_ = [
        cv2.imread(str(folder / f"{row['pair']}-{what}.png"), cv2.IMREAD_GRAYSCALE) for what in ("frame", "map")
    ]
    half = frame.shape[0] // 2
    centre = map_.shape[0] / 2
    for kind, colour in (("", 255), ("ours_", 0)):
        x = round(centre + float(row[f"{kind}east_m"]) / GSD_M)
        y = round(centre - float(row[f"{kind}north_m"]) / GSD_M)
        cv2.rectangle(map_, (x - half, y - half), (x + half, y + half), colour, 2)
    side = cv2.copyMakeBorder(frame, half, half, 0, 8, cv2.BORDER_CONSTANT, value=255)
    cv2.imwrite(str(path), np.hstack([side, map_]), [cv2.IMWRITE_JPEG_QUALITY, 70])


def draw_some(folder, rows, pictures):
    pictures.mkdir(parents=True, exist_ok=True)
    here = [row for row in rows if row["elsewhere"] == "0"]
    accepted = [row for row in here if row["accepted"] == "1"]
    refused = [row for row in here if row["accepted"] == "0"]
    clear = sorted(accepted, key=lambda row: -float(row["ratio"]))[:1]
    for name, row in zip(["accepted", "refused-1", "refused-2"], clear + refused[:2]):
        draw(folder, row, pictures / f"{name}.jpg")


def main():
    cv2.setNumThreads(1)
    folder = Path(sys.argv[1])
    detector = cv2.ORB_create(nfeatures=3000)
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING)
    methods = {"zero-mean normalised correlation": zncc, "ORB + RANSAC": lambda f, m: orb(f, m, detector, matcher)}
    rows = list(csv.DictReader(open(folder / "pairs.csv", encoding="ascii")))
    if len(sys.argv) > 2:
        draw_some(folder, rows, Path(sys.argv[2]))
    results = {name: [] for name in ["gradient orientation (ours)", *methods]}
    for row in rows:
        frame, map_ = [
            cv2.imread(str(folder / f"{row['pair']}-{what}.png"), cv2.IMREAD_GRAYSCALE) for what in ("frame", "map")
        ]
        truth = (float(row["north_m"]), float(row["east_m"]))
        elsewhere = row["elsewhere"] == "1"
        ours = (float(row["ours_north_m"]), float(row["ours_east_m"]))
        note(results["gradient orientation (ours)"], ours, float(row["ratio"]), truth, elsewhere, 0.0)
        for name, method in methods.items():
            begun = time.perf_counter()
            place, score = method(frame, map_)
            note(results[name], place, score, truth, elsewhere, 1e3 * (time.perf_counter() - begun))
    rule = [r for r in rows if r["elsewhere"] == "0"]
    accepted = [r for r in rule if r["accepted"] == "1"]
    print(f"{len(rule)} pairs of one place, {len(rows) - len(rule)} of two; our rules accept "
          f"{len(accepted) / len(rule):.1%} and {sum(r['accepted'] == '1' for r in rows if r['elsewhere'] == '1')}")
    print(f"{'':34}{'within 12 m':>12}{'no false':>10}{'median':>9}{'ms':>7}")
    for name, found in results.items():
        here = [entry for entry in found if not entry[2]]
        wrong = max((score for score, error, elsewhere, _ in found if elsewhere or error > NEAR_M), default=0.0)
        near = [error for _, error, _, _ in here if error <= NEAR_M]
        sure = [error for score, error, _, _ in here if error <= NEAR_M and score > wrong]
        ms = np.median([entry[3] for entry in found])
        median = np.median(near) if near else float("nan")
        print(f"{name:34}{len(near) / len(here):>12.1%}{len(sure) / len(here):>10.1%}{median:>7.1f} m{ms:>7.1f}")


def note(found, place, score, truth, elsewhere, ms):
    error = float("inf") if place is None else float(np.hypot(place[0] - truth[0], place[1] - truth[1]))
    found.append((score, error, elsewhere, ms))


if __name__ == "__main__":
    main()
