"""The description of all addresses, as OpenAPI 3.1."""

from collections.abc import Mapping
from typing import Any

from mnistx_runtime import __version__
from mnistx_runtime.artifact.metadata import INPUT, OUTPUT
from mnistx_runtime.serve.auth import OPEN
from mnistx_runtime.serve.limits import Limits
from mnistx_runtime.serve.models import ServedModel
from mnistx_runtime.serve.protocol import JSON_LENGTH, VERSION

JSON, BYTES = "application/json", "application/octet-stream"

ERRORS = {
    400: "What was sent can't be used; the text says what would be.",
    401: "A token is asked for, and wasn't given.",
    404: "There is no such model.",
    408: "The body didn't arrive in time.",
    413: "The body, or the picture in it, is larger than what is read.",
    415: "The body is compressed.",
    422: "There is nothing on the picture to read, or the answer isn't sure enough.",
    429: "The queue is full; Retry-After says when to try again.",
    500: "The model failed.",
    503: "The machine lacks memory or files.",
}


def describe_service(models: Mapping[str, ServedModel], limits: Limits) -> dict[str, Any]:
    """An OpenAPI document.

    Args:
        models: that are served.
        limits: on what is sent.
    """
    name = {"name": "model", "in": "path", "required": True, "schema": {"enum": [*models]}}
    version = {"name": "version", "in": "path", "required": True, "schema": {"const": VERSION}}
    one, of_version = "/v2/models/{model}", "/v2/models/{model}/versions/{version}"
    paths: dict[str, Any] = {
        "/predict": {"post": _predict(models, limits)},
        "/v2": {"get": _get("What the server is.", _ref("ServerMetadata"))},
        "/v2/health/live": {"get": _get("Whether the server runs.", _ref("Live"))},
        "/v2/health/ready": {"get": _get("Whether it takes requests.", _ref("Ready"), not_ready=True)},
    }
    for path, parameters in ((one, [name]), (of_version, [name, version])):
        common = {"parameters": parameters}
        paths[path] = common | {"get": _get("What a model takes and gives.", _ref("ModelMetadata"), 404)}
        paths[f"{path}/ready"] = common | {
            "get": _get("Whether a model answers.", _ref("ModelReady"), 404, not_ready=True)
        }
        paths[f"{path}/infer"] = common | {"post": _infer()}
    paths["/metrics"] = {"get": _get("Numbers for Prometheus.", {"type": "string"}, media="text/plain")}
    paths["/openapi.json"] = {"get": _get("This description.", {"type": "object"})}
    paths["/docs"] = {"get": _get("This description, as a page.", {"type": "string"}, media="text/html")}
    paths["/"] = {"get": _get("A page for a person.", {"type": "string"}, media="text/html")}
    paths["/favicon.ico"] = {"get": _get("An icon for browsers.", {"type": "string"}, media="image/svg+xml")}
    for path in OPEN:
        del paths[path]["get"]["responses"]["401"]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mnistx",
            "version": __version__,
            "description": "Open Inference Protocol v2, and answers to pictures.",
        },
        "paths": paths,
        "components": {"schemas": _SCHEMAS | {"InferRequest": _request(models)}},
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _errors(*statuses: int) -> dict[str, Any]:
    content = {JSON: {"schema": _ref("Error")}}
    return {str(status): {"description": ERRORS[status], "content": content} for status in statuses}


def _get(summary: str, schema: Mapping[str, Any], *errors: int, not_ready: bool = False, media: str = JSON) -> Any:
    content = {media: {"schema": schema}}
    responses = {"200": {"description": "The answer.", "content": content}} | _errors(401, *errors)
    if not_ready:
        responses["400"] = {"description": "It doesn't.", "content": content}
    return {"summary": summary, "responses": responses}


def _infer() -> dict[str, Any]:
    answers = {JSON: {"schema": _ref("InferAnswer")}, BYTES: {"schema": {}}}
    return {
        "summary": "The model's bare output for a batch of images.",
        "description": f"A tensor may follow the JSON as bytes: {JSON_LENGTH} then says how many bytes are JSON, and "
        "binary_data_size of the input how many follow.",
        "requestBody": {"required": True, "content": {JSON: {"schema": _ref("InferRequest")}}},
        "responses": {"200": {"description": "Log-probabilities.", "content": answers}}
        | _errors(400, 401, 404, 408, 413, 415, 429, 500),
    }


def _predict(models: Mapping[str, ServedModel], limits: Limits) -> dict[str, Any]:
    def option(name: str, description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
        return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}

    picture = {"type": "string", "contentMediaType": "image/*", "maxLength": limits.body}
    form = {"type": "object", "properties": {"picture": picture}, "required": ["picture"]}
    content = {media: {"schema": picture} for media in (BYTES, "image/jpeg", "image/png")}
    first = next(iter(models))
    return {
        "summary": "What a picture shows.",
        "parameters": [
            option("model", "By its name; the first one without it.", {"enum": [*models], "default": first}),
            option("many", "Read all of its digits, line by line.", {"type": "boolean", "default": False}),
            option("top_k", "Answers a digit.", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1}),
            option(
                "min_confidence",
                "Refuse to answer below this probability.",
                {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5},
            ),
            option("explain", "Answer with a PNG of what the model saw.", {"type": "boolean", "default": False}),
        ],
        "requestBody": {"required": True, "content": content | {"multipart/form-data": {"schema": form}}},
        "responses": {
            "200": {
                "description": "The answer.",
                "content": {JSON: {"schema": _ref("Answer")}, "image/png": {"schema": {}}},
            }
        }
        | _errors(400, 401, 404, 408, 413, 415, 422, 429, 500, 503),
    }


def _object(properties: Mapping[str, Any], *optional: str) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required}


_TEXT, _TRUTH = {"type": "string"}, {"type": "boolean"}
_SHAPE = {"type": "array", "items": {"type": "integer"}}
_PROBABILITY = {"type": "number", "minimum": 0, "maximum": 1}
_TENSOR = _object({"name": _TEXT, "datatype": _TEXT, "shape": _SHAPE})
_SCHEMAS: dict[str, Any] = {
    "Error": _object({"error": _TEXT}),
    "Live": _object({"live": _TRUTH}),
    "Ready": _object({"ready": _TRUTH}),
    "ModelReady": _object({"name": _TEXT, "ready": _TRUTH}),
    "ServerMetadata": _object({"name": _TEXT, "version": _TEXT, "extensions": {"type": "array", "items": _TEXT}}),
    "ModelMetadata": _object(
        {
            "name": _TEXT,
            "versions": {"type": "array", "items": _TEXT},
            "platform": _TEXT,
            "inputs": {"type": "array", "items": _TENSOR},
            "outputs": {"type": "array", "items": _TENSOR},
        }
    ),
    "InferAnswer": _object(
        {
            "model_name": _TEXT,
            "model_version": _TEXT,
            "id": _TEXT,
            "outputs": {
                "type": "array",
                "items": _object(
                    {
                        "name": {"const": OUTPUT},
                        "datatype": {"const": "FP32"},
                        "shape": _SHAPE,
                        "data": {"type": "array", "items": {"type": "number"}},
                        "parameters": {"type": "object"},
                    },
                    "data",
                    "parameters",
                ),
            },
        },
        "id",
    ),
    "Answer": {
        "type": "object",
        "properties": {
            "name": _TEXT,
            "label": {"type": "integer"},
            "probability": _PROBABILITY,
            "elapsed_ms": {"type": "number"},
            "text": _TEXT,
            "digits": {"type": "array"},
        },
        "required": ["probability", "elapsed_ms"],
    },
}


def _request(models: Mapping[str, ServedModel]) -> dict[str, Any]:
    """Of one model the exact size of an image; of several, whatever each takes."""
    kinds = []
    for channels, height, width in {model.metadata.input.shape for model in models.values()}:
        count = channels * height * width
        images = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 255}}
        tensor = _object(
            {
                "name": {"const": INPUT},
                "datatype": {"const": "UINT8"},
                "shape": {"const": [1, channels, height, width]},
                "data": images | {"minItems": count, "maxItems": count},
                "parameters": {"type": "object", "additionalProperties": False},
            },
            "parameters",
        )
        kinds.append(tensor)
    inputs = {"type": "array", "minItems": 1, "maxItems": 1, "items": {"anyOf": kinds}}
    output = _object({"name": {"const": OUTPUT}, "parameters": _flag("binary_data")}, "parameters")
    return _object(
        {
            "id": _TEXT,
            "parameters": _flag("binary_data_output"),
            "inputs": inputs,
            "outputs": {"type": "array", "maxItems": 1, "items": output},
        },
        "id",
        "parameters",
        "outputs",
    ) | {
        "description": "Here for a batch of one. A batch of N has shape [N, ...] and N times as much data, flat or "
        "nested."
    }


def _flag(name: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: _TRUTH}}
