"""Named skeletons: which joints are neighbours, as pairs counted from 0 in each sensor's own order."""

import torch
from torch import Tensor

BONES: dict[str, tuple[tuple[int, int], ...]] = {
    # head, shoulder centre, spine, hip centre; left arm, right arm (shoulder to hand); left leg, right leg (hip to foot)
    "kinect20": (
        (0, 1), (1, 2), (2, 3), (1, 4), (4, 5), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (10, 11),
        (3, 12), (12, 13), (13, 14), (14, 15), (3, 16), (16, 17), (17, 18), (18, 19),
    ),
    # hips, one leg, the other leg, spine, neck, face, head, one arm, the other arm (the order of Human3.6M)
    "body17": (
        (0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 6), (0, 7), (7, 8), (8, 9), (9, 10),
        (8, 11), (11, 12), (12, 13), (8, 14), (14, 15), (15, 16),
    ),
    # wrist, then four joints of each finger from the thumb on
    "hand21": tuple(
        bone for finger in range(5) for bone in ((0, 4 * finger + 1), *((4 * finger + k, 4 * finger + k + 1) for k in (1, 2, 3)))
    ),
    # wrist, palm, then four joints of each finger from the thumb on, its base joined to the wrist
    "hand22": (
        (0, 1), (0, 2),
        *(bone for finger in range(5) for bone in ((4 * finger + k, 4 * finger + k + 1) for k in (2, 3, 4))),
        *((1, 4 * finger + 2) for finger in range(1, 5)),
    ),
}  # fmt: skip
JOINTS = {name: 1 + max(max(bone) for bone in bones) for name, bones in BONES.items()}


def skeleton_of(joints: int) -> str | None:
    """The name of the skeleton with so many joints, None where none is known."""
    return next((name for name, count in JOINTS.items() if count == joints), None)


def adjacency(joints: int) -> Tensor:
    """Each joint's mean over itself and its neighbours, (joint, joint), rows summing to one.

    Where no skeleton with so many joints is known, every joint is its own only neighbour.
    """
    matrix = torch.eye(joints)
    for one, other in BONES.get(skeleton_of(joints) or "", ()):
        matrix[one, other] = matrix[other, one] = 1.0
    return matrix / matrix.sum(1, keepdim=True)
