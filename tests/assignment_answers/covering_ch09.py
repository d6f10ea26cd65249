"""Answers to the third task of chapter 9's assignment."""
import numpy as np
import torch
import torch.nn.functional as F


def curve_by_order(filters, biases, weights, picture, heat, parts, fill):
    order = torch.argsort(heat.reshape(-1), descending=True)
    pixels = picture.reshape(len(picture), -1).clone()
    size, scores = len(order) // parts, []
    for part in range(parts + 1):
        pixels[:, order[:part * size]] = fill
        maps = F.conv2d(pixels.reshape(1, *picture.shape), filters, biases).relu()
        scores.append(maps.mean(dim=(2, 3))[0] @ weights)
    return torch.stack(scores)


def curve_by_ranks(filters, biases, weights, picture, heat, parts, fill):
    """All pictures at a time, each with a mask of ranks."""
    ranks = (-heat.numpy()).ravel().argsort().argsort().reshape(heat.shape)
    limits = np.arange(parts + 1) * heat.numel() // parts
    masks = torch.from_numpy(ranks < limits[:, None, None])[:, None]
    layer = F.relu(F.conv2d(torch.where(masks, torch.tensor(float(fill)), picture), filters, biases))
    return (layer.mean((2, 3)) * weights).sum(dim=1).tolist()


def curve_by_loops(filters, biases, weights, picture, heat, parts, fill):
    filters, biases, weights, picture, heat = (t.double().numpy() for t in (filters, biases, weights, picture, heat))
    k, (height, width) = filters.shape[-1], heat.shape

    def score(x):
        total = 0.0
        for weight, kernel, bias in zip(weights, filters, biases, strict=True):
            values = [max((kernel * x[:, i:i + k, j:j + k]).sum() + bias, 0.0)
                      for i in range(height - k + 1) for j in range(width - k + 1)]
            total += weight * sum(values) / len(values)
        return total

    places = sorted(np.ndindex(height, width), key=lambda place: heat[place], reverse=True)
    scores = [score(picture)]
    for number, (i, j) in enumerate(places, start=1):
        picture[:, i, j] = fill
        if number % (height * width // parts) == 0:
            scores.append(score(picture))
    return scores


def ranked(heat):
    return heat.flatten().argsort(descending=True).argsort().reshape(heat.shape)


def in_order(heat, part, parts):
    return ranked(heat) < part * heat.numel() // parts


def one_part(heat, part, parts):
    size = heat.numel() // parts
    return (ranked(heat) < part * size) & (ranked(heat) >= (part - 1) * size)


def by_threshold(heat, part, parts):
    share = (heat.max() - heat) / (heat.max() - heat.min())
    return share < part / parts if part < parts else share <= 1


def order_as_ranks(heat, part, parts):
    return heat.flatten().argsort(descending=True).reshape(heat.shape) < part * heat.numel() // parts


def curve(mask=in_order, *, channels=slice(None), fill_with=lambda picture, fill: fill, active=torch.relu,
          read=torch.mean, finish=lambda scores: scores):
    """Return a curve with one line changed."""
    def answer(filters, biases, weights, picture, heat, parts, fill):
        scores = []
        for part in range(parts + 1):
            covered = picture.clone()
            covered[channels, mask(heat, part, parts)] = fill_with(picture, fill)
            maps = active(F.conv2d(covered[None], filters, biases)[0])
            scores.append(sum(weight * read(each) for weight, each in zip(weights, maps, strict=True)))
        return finish(torch.stack(scores))
    return answer


RIGHT = (curve_by_order, curve_by_ranks, curve_by_loops)

WRONG = {
    "dimmest-first": curve(lambda heat, part, parts: in_order(-heat, part, parts)),
    "size-of-the-heat": curve(lambda heat, part, parts: in_order(heat.abs(), part, parts)),
    "steps-of-heat": curve(by_threshold),
    "places-for-ranks": curve(order_as_ranks),
    "parts-uncovered-again": curve(one_part),
    "one-channel-covered": curve(channels=0),
    "fill-ignored": curve(fill_with=lambda picture, fill: 0),
    "mean-filled": curve(fill_with=lambda picture, fill: float(picture.mean())),
    "start-missing": curve(finish=lambda scores: scores[1:]),
    "end-missing": curve(finish=lambda scores: scores[:-1].tolist()),
    "falls-for-scores": curve(finish=lambda scores: scores[0] - scores),
    "shares-of-the-start": curve(finish=lambda scores: scores / scores[0]),
    "relu-forgotten": curve(active=lambda maps: maps),
    "sum-for-mean": curve(read=torch.sum),
}
