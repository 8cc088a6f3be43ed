#!/usr/bin/env python3
"""A double of Amazon ECR for scenarios: its API, its registry with all its habits, and the services
that give AWS keys. It checks every signature by its own reading of Signature Version 4.

usage: ecr_double.py --cert FILE --key FILE [OPTION]...

Serves until its standard input closes. Writes its port to standard output: HTTPS for ECR's names
and, on the next port number it prints, plain HTTP for the keys of containers and instances.
"""

import argparse
import base64
import hashlib
import hmac
import json
import re
import secrets
import ssl
import sys
import threading
import time
import urllib.parse
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ACCOUNT = "123456789012"
REGION = "eu-west-1"
KEYS = {"AKIADOUBLE": ("double-secret-key", ""), "ASIAROLE": ("role-secret-key", "role-session-token")}
INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MIN_CHUNK = 5 * 1024 * 1024


class ApiError(Exception):
    def __init__(self, code, message="", status=400):
        super().__init__(code)
        self.code, self.message, self.status = code, message, status


class RegistryError(Exception):
    def __init__(self, status, code, message="", headers=()):
        super().__init__(code)
        self.status, self.code, self.message, self.headers = status, code, message, dict(headers)


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Repository:
    def __init__(self, name, settings):
        self.name = name
        self.settings = settings
        self.tags = {tag["Key"]: tag["Value"] for tag in settings.get("tags", [])}
        self.created = time.time()
        self.blobs = {}
        self.manifests = {}  # digest: (type, bytes, pushed)
        self.names = {}  # tag: digest
        self.lifecycle = None
        self.preview = None
        self.policy = None
        self.scans = {}  # digest: how often it was asked

    @property
    def arn(self):
        return f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{self.name}"

    def describe(self, host):
        return {
            "repositoryArn": self.arn,
            "registryId": ACCOUNT,
            "repositoryName": self.name,
            "repositoryUri": f"{host}/{self.name}",
            "createdAt": self.created,
            "imageTagMutability": self.settings.get("imageTagMutability", "MUTABLE"),
            "imageTagMutabilityExclusionFilters": self.settings.get("imageTagMutabilityExclusionFilters", []),
            "imageScanningConfiguration": self.settings.get("imageScanningConfiguration", {"scanOnPush": False}),
            "encryptionConfiguration": self.settings.get("encryptionConfiguration", {"encryptionType": "AES256"}),
        }

    def is_immutable(self, tag):
        mutability = self.settings.get("imageTagMutability", "MUTABLE")
        filters = self.settings.get("imageTagMutabilityExclusionFilters", [])
        excluded = any(
            re.fullmatch(re.escape(entry["filter"]).replace(r"\*", ".*"), tag) for entry in filters
        )
        return mutability.startswith("IMMUTABLE") != excluded

    def image(self, digest):
        kind, content, pushed = self.manifests[digest]
        document = json.loads(content)
        size = len(content) + sum(layer["size"] for layer in document.get("layers", []))
        size += document.get("config", {}).get("size", 0)
        image = {
            "registryId": ACCOUNT,
            "repositoryName": self.name,
            "imageDigest": digest,
            "imageTags": sorted(tag for tag, named in self.names.items() if named == digest),
            "imageSizeInBytes": size,
            "imagePushedAt": pushed,
            "imageManifestMediaType": kind,
        }
        if not image["imageTags"]:
            del image["imageTags"]
        if "subject" in document:
            image["subjectManifestDigest"] = document["subject"]["digest"]
        return image

    def find(self, identifier):
        digest = identifier.get("imageDigest") or self.names.get(identifier.get("imageTag"))
        return digest if digest in self.manifests else None

    def parents(self, digest):
        for other, (kind, content, _) in self.manifests.items():
            if kind in INDEXES and any(child["digest"] == digest for child in json.loads(content)["manifests"]):
                yield other


class Double:
    def __init__(self, options):
        self.options = options
        self.lock = threading.RLock()
        self.repositories = {}
        self.uploads = {}
        self.tokens = {}
        self.host = ""
        self.log = open(options.log, "a") if options.log else None

    def note(self, text):
        if self.log:
            with self.lock:
                self.log.write(text + "\n")
                self.log.flush()

    def repository(self, name):
        if name not in self.repositories:
            raise ApiError(
                "RepositoryNotFoundException",
                f"The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'",
            )
        return self.repositories[name]

    # The API, an operation a method.

    def call(self, operation, given):
        self.note(f"api {operation}")
        if operation in self.options.deny:
            raise ApiError(
                "AccessDeniedException",
                f"User: arn:aws:sts::{ACCOUNT}:assumed-role/ci/job is not authorized to perform: ecr:{operation} "
                f"on resource: arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{given.get('repositoryName', '*')}",
            )
        with self.lock:
            if operation in self.options.fail_once:
                self.options.fail_once.remove(operation)
                raise ApiError("InvalidParameterException", "not this time")
            method = getattr(self, "do_" + operation, None)
            if method is None:
                raise ApiError("UnknownOperationException", operation)
            answer = method(given)
            if operation in self.options.lose:
                self.options.lose.remove(operation)
                raise ConnectionResetError
            return answer

    def do_GetAuthorizationToken(self, _):
        life = self.options.token_life
        time.sleep(self.options.token_delay)
        payload = {"payload": secrets.token_hex(8), "version": "2", "type": "DATA_KEY", "expiration": int(time.time() + life)}
        token = base64.b64encode(b"AWS:" + base64.b64encode(json.dumps(payload).encode())).decode()
        self.tokens[token] = time.time() + life
        return {
            "authorizationData": [
                {"authorizationToken": token, "expiresAt": time.time() + life, "proxyEndpoint": f"https://{self.host}"}
            ]
        }

    def do_CreateRepository(self, given):
        name = given["repositoryName"]
        if name in self.repositories:
            raise ApiError("RepositoryAlreadyExistsException", f"The repository with name '{name}' already exists")
        self.repositories[name] = Repository(name, given)
        if self.options.schema_1:
            content = json.dumps({"schemaVersion": 1, "name": name, "fsLayers": []}).encode()
            kind = "application/vnd.docker.distribution.manifest.v1+prettyjws"
            self.repositories[name].manifests[digest_of(content)] = (kind, content, time.time())
        return {"repository": self.repositories[name].describe(self.host)}

    def do_DescribeRepositories(self, given):
        names = given.get("repositoryNames")
        found = [self.repository(name) for name in names] if names else sorted(
            self.repositories.values(), key=lambda one: one.name
        )
        return self.page(given, "repositories", [one.describe(self.host) for one in found])

    def do_DeleteRepository(self, given):
        repository = self.repository(given["repositoryName"])
        if repository.manifests and not given.get("force"):
            raise ApiError("RepositoryNotEmptyException", f"The repository with name '{repository.name}' still contains images")
        del self.repositories[repository.name]
        return {"repository": repository.describe(self.host)}

    def page(self, given, key, entries):
        """Pages of two at most, so that a client that forgets the next one is found out."""
        at = int(given.get("nextToken") or 0)
        answer = {key: entries[at : at + 2]}
        if at + 2 < len(entries):
            answer["nextToken"] = str(at + 2)
        return answer

    def do_DescribeImages(self, given):
        repository = self.repository(given["repositoryName"])
        if "imageIds" in given:
            return {"imageDetails": [repository.image(repository.find(one)) for one in given["imageIds"]]}
        return self.page(given, "imageDetails", [repository.image(digest) for digest in sorted(repository.manifests)])

    def do_ListImages(self, given):
        repository = self.repository(given["repositoryName"])
        ids = [{"imageDigest": digest, "imageTag": tag} for tag, digest in sorted(repository.names.items())]
        return self.page(given, "imageIds", ids)

    def do_BatchGetImage(self, given):
        repository = self.repository(given["repositoryName"])
        images, failures = [], []
        for one in given["imageIds"]:
            digest = repository.find(one)
            if digest is None:
                failures.append({"imageId": one, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"})
                continue
            kind, content, _ = repository.manifests[digest]
            images.append(
                {
                    "registryId": ACCOUNT,
                    "repositoryName": repository.name,
                    "imageId": {**one, "imageDigest": digest},
                    "imageManifest": content.decode(),
                    "imageManifestMediaType": kind,
                }
            )
        return {"images": images, "failures": failures}

    def do_BatchCheckLayerAvailability(self, given):
        repository = self.repository(given["repositoryName"])
        layers = [
            {"layerDigest": digest, "layerAvailability": "AVAILABLE" if digest in repository.blobs else "UNAVAILABLE"}
            for digest in given["layerDigests"]
        ]
        return {"layers": layers, "failures": []}

    def do_BatchDeleteImage(self, given):
        repository = self.repository(given["repositoryName"])
        gone, failures = [], []
        for one in given["imageIds"]:
            digest = repository.find(one)
            code = None
            if digest is None:
                code = "ImageNotFound"
            elif next(repository.parents(digest), None):
                code = "ImageReferencedByManifestList"
            if code:
                failures.append({"imageId": one, "failureCode": code, "failureReason": code})
                continue
            if "imageTag" in one:
                del repository.names[one["imageTag"]]
            if "imageDigest" in one:
                repository.names = {tag: named for tag, named in repository.names.items() if named != digest}
            if digest not in repository.names.values():
                del repository.manifests[digest]
            gone.append({**one, "imageDigest": digest})
        return {"imageIds": gone, "failures": failures}

    def do_PutImageTagMutability(self, given):
        repository = self.repository(given["repositoryName"])
        repository.settings["imageTagMutability"] = given["imageTagMutability"]
        repository.settings["imageTagMutabilityExclusionFilters"] = given.get("imageTagMutabilityExclusionFilters", [])
        return {}

    def do_PutImageScanningConfiguration(self, given):
        self.repository(given["repositoryName"]).settings["imageScanningConfiguration"] = given["imageScanningConfiguration"]
        return {}

    def by_arn(self, arn):
        return self.repository(arn.split(":repository/", 1)[1])

    def do_ListTagsForResource(self, given):
        tags = self.by_arn(given["resourceArn"]).tags
        return {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def do_TagResource(self, given):
        self.by_arn(given["resourceArn"]).tags.update({tag["Key"]: tag["Value"] for tag in given["tags"]})
        return {}

    def policy_answer(self, repository, key, text):
        return {"registryId": ACCOUNT, "repositoryName": repository.name, key: text}

    def do_PutLifecyclePolicy(self, given):
        repository = self.repository(given["repositoryName"])
        repository.lifecycle = given["lifecyclePolicyText"]
        return self.policy_answer(repository, "lifecyclePolicyText", repository.lifecycle)

    def do_GetLifecyclePolicy(self, given):
        repository = self.repository(given["repositoryName"])
        if repository.lifecycle is None:
            raise ApiError("LifecyclePolicyNotFoundException", "Lifecycle policy does not exist")
        return self.policy_answer(repository, "lifecyclePolicyText", repository.lifecycle)

    def do_DeleteLifecyclePolicy(self, given):
        answer = self.do_GetLifecyclePolicy(given)
        self.repository(given["repositoryName"]).lifecycle = None
        return answer

    def do_StartLifecyclePolicyPreview(self, given):
        repository = self.repository(given["repositoryName"])
        text = given.get("lifecyclePolicyText") or self.do_GetLifecyclePolicy(given)["lifecyclePolicyText"]
        repository.preview = [text, 1]
        return {**self.policy_answer(repository, "lifecyclePolicyText", text), "status": "IN_PROGRESS"}

    def do_GetLifecyclePolicyPreview(self, given):
        repository = self.repository(given["repositoryName"])
        if repository.preview is None:
            raise ApiError("LifecyclePolicyPreviewNotFoundException")
        text, waits = repository.preview
        if waits:
            repository.preview[1] -= 1
            return {"status": "IN_PROGRESS", "lifecyclePolicyText": text}
        results = []
        rule = json.loads(text)["rules"][0]
        if rule["selection"]["countType"] == "imageCountMoreThan":
            newest = sorted(repository.manifests, key=lambda digest: -repository.manifests[digest][2])
            for digest in newest[rule["selection"]["countNumber"] :]:
                image = repository.image(digest)
                results.append(
                    {
                        "imageDigest": digest,
                        "imageTags": image.get("imageTags", []),
                        "imagePushedAt": image["imagePushedAt"],
                        "action": {"type": "EXPIRE"},
                        "appliedRulePriority": rule["rulePriority"],
                    }
                )
        return {**self.page(given, "previewResults", results), "status": "COMPLETE", "lifecyclePolicyText": text}

    def do_SetRepositoryPolicy(self, given):
        repository = self.repository(given["repositoryName"])
        repository.policy = given["policyText"]
        return self.policy_answer(repository, "policyText", repository.policy)

    def do_GetRepositoryPolicy(self, given):
        repository = self.repository(given["repositoryName"])
        if repository.policy is None:
            raise ApiError("RepositoryPolicyNotFoundException", "Repository policy does not exist")
        return self.policy_answer(repository, "policyText", repository.policy)

    def scanned(self, given):
        repository = self.repository(given["repositoryName"])
        digest = repository.find(given["imageId"])
        if digest is None:
            raise ApiError("ImageNotFoundException", "The image does not exist")
        if repository.manifests[digest][0] in INDEXES:
            raise ApiError("UnsupportedImageTypeException", "An index cannot be scanned")
        return repository, digest

    def do_StartImageScan(self, given):
        repository, digest = self.scanned(given)
        if digest in repository.scans:
            raise ApiError("LimitExceededException", "The scan quota per image has been exceeded. Wait and try again.")
        repository.scans[digest] = 0
        return {"imageScanStatus": {"status": "IN_PROGRESS"}}

    def do_DescribeImageScanFindings(self, given):
        repository, digest = self.scanned(given)
        if digest not in repository.scans:
            raise ApiError("ScanNotFoundException", "Image scan does not exist")
        # In progress, then complete without findings, then complete: as AWS does.
        if "nextToken" not in given:
            repository.scans[digest] += 1
        looks = repository.scans[digest]
        status = "IN_PROGRESS" if looks == 1 else "COMPLETE"
        findings = [
            {"name": "CVE-2026-1", "severity": "CRITICAL", "attributes": [{"key": "package_name", "value": "openssl"}]},
            {"name": "CVE-2026-2", "severity": "HIGH"},
            {"name": "CVE-2026-3", "severity": "LOW"},
        ]
        page = self.page(given, "findings", findings if looks > 1 else [])
        return {
            "imageScanStatus": {"status": status},
            "imageScanFindings": {"findings": page.pop("findings")},
            **page,
        }


def canonical_query(query):
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    return "&".join(sorted(f"{urllib.parse.quote(k, safe='-_.~')}={urllib.parse.quote(v, safe='-_.~')}" for k, v in pairs))


def check_signature(method, path, query, headers, body, service, skew):
    """Raises ApiError unless the request is signed by keys that are known."""
    found = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
        r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})",
        headers.get("Authorization", ""),
    )
    if not found:
        raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    access_key, day, region, signed_service, names, signature = found.groups()
    if access_key not in KEYS:
        raise ApiError("UnrecognizedClientException", "The security token included in the request is invalid.")
    secret, token = KEYS[access_key]
    date = headers.get("X-Amz-Date", "")
    moment = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()
    if abs(moment - (time.time() + skew)) > 300:
        raise ApiError("InvalidSignatureException", f"Signature expired: {date} is now earlier than the server's time", 403)
    if headers.get("X-Amz-Security-Token", "") != token:
        raise ApiError("UnrecognizedClientException", "The security token included in the request is invalid.")
    signed = names.split(";")
    for needed in ("host", "x-amz-date") + (("x-amz-target",) if "X-Amz-Target" in headers else ()):
        if needed not in signed:
            raise ApiError("InvalidSignatureException", f"{needed} is not signed", 403)
    canonical = "\n".join(
        [method, urllib.parse.quote(path, safe="/-_.~"), canonical_query(query)]
        + [f"{name}:{' '.join(headers.get(name, '').split())}" for name in signed]
        + ["", names, hashlib.sha256(body).hexdigest()]
    )
    scope = f"{day}/{region}/{signed_service}/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (day, region, signed_service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest(), signature):
        raise ApiError("InvalidSignatureException", "The request signature we calculated does not match", 403)
    if signed_service != service or region != REGION or not date.startswith(day):
        raise ApiError("InvalidSignatureException", "Credential should be scoped to a valid region and service", 403)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    double = None

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status, content=b"", headers=()):
        self.send_response_only(status)
        skew = self.double.options.skew
        self.send_header("Date", datetime.fromtimestamp(time.time() + skew, timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT"))
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def answer_json(self, status, document, headers=(), kind="application/x-amz-json-1.1"):
        self.answer(status, json.dumps(document).encode(), {"Content-Type": kind, **dict(headers)})

    def handle_any(self):
        split = urllib.parse.urlsplit(self.path)
        body = self.body()
        try:
            if split.path.startswith("/v2/"):
                self.registry(split, body)
            elif split.path.startswith("/s3/"):
                self.storage(split)
            elif "X-Amz-Target" in self.headers:
                self.api(split, body)
            elif b"Action=AssumeRole" in body:
                self.sts(split, body)
            else:
                self.answer(404)
        except ApiError as error:
            self.answer_json(error.status, {"__type": error.code, "message": error.message})
        except RegistryError as error:
            self.double.note(f"v2 refused {self.command} {split.path} {error.code}")
            document = {"errors": [{"code": error.code, "message": error.message}]}
            self.answer_json(error.status, document, error.headers, "application/json")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    def api(self, split, body):
        check_signature(self.command, split.path, split.query, self.headers, body, "ecr", self.double.options.skew)
        prefix, operation = self.headers["X-Amz-Target"].split(".")
        assert prefix == "AmazonEC2ContainerRegistry_V20150921", prefix
        self.answer_json(200, self.double.call(operation, json.loads(body)))

    def sts(self, split, body):
        form = dict(urllib.parse.parse_qsl(body.decode()))
        self.double.note(f"sts {form['Action']}")
        if form["Action"] == "AssumeRole":
            check_signature(self.command, split.path, split.query, self.headers, body, "sts", self.double.options.skew)
        secret, token = KEYS["ASIAROLE"]
        text = (
            f"<{form['Action']}Response><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>"
            f"<SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken>"
            f"<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></{form['Action']}Response>"
        )
        self.answer(200, text.encode(), {"Content-Type": "text/xml"})

    # The registry.

    def check_token(self):
        given = self.headers.get("Authorization", "")
        if not given:
            challenge = f'Basic realm="https://{self.double.host}/",service="ecr.amazonaws.com"'
            raise RegistryError(401, "UNAUTHORIZED", "Not Authorized", {"WWW-Authenticate": challenge})
        until = self.double.tokens.get(given.removeprefix("Basic "))
        if until is None:
            raise RegistryError(403, "DENIED", "Not Authorized")
        if time.time() > until:
            raise RegistryError(403, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")

    def registry(self, split, body):
        double = self.double
        self.check_token()
        time.sleep(double.options.delay)
        if split.path == "/v2/":
            return self.answer(200)
        double.note(f"v2 {self.command} {split.path}")
        found = re.fullmatch(r"/v2/(.+?)/(blobs/uploads/[^/]*|blobs/[^/]+|manifests/[^/]+|tags/list)", split.path)
        if not found:
            raise RegistryError(404, "NOT_FOUND", "404 page not found")
        name, what = found.groups()
        query = dict(urllib.parse.parse_qsl(split.query))
        with double.lock:
            if name not in double.repositories:
                raise RegistryError(
                    404,
                    "NAME_UNKNOWN",
                    f"The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'",
                )
            repository = double.repositories[name]
            kind, _, rest = what.partition("/")
            if kind == "tags":
                return self.list_tags(repository, query)
            if kind == "manifests":
                return self.manifest(repository, rest, body)
            if rest.startswith("uploads/"):
                return self.upload(repository, rest[8:], query, body)
            return self.blob(repository, rest)

    def list_tags(self, repository, query):
        names = sorted(repository.names)
        at = int(query.get("last", 0))
        count = min(int(query.get("n", 100)), 3)  # few, so that pages are needed
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        if at + count < len(names):
            link = f"https://{self.headers['Host']}/v2/{repository.name}/tags/list?last={at + count}&n={count}"
            headers["Link"] = f'<{link}>; rel="next"'
        self.answer(200, json.dumps({"name": repository.name, "tags": names[at : at + count]}).encode(), headers)

    def manifest(self, repository, reference, body):
        if self.command == "PUT":
            kind = self.headers["Content-Type"]
            digest = digest_of(body)
            document = json.loads(body)
            for child in document.get("manifests", []):
                if child["digest"] not in repository.manifests:
                    raise RegistryError(404, "MANIFEST_UNKNOWN", "Images referenced by manifest list are missing")
            for blob in [document["config"], *document["layers"]] if "config" in document else []:
                if blob["digest"] not in repository.blobs:
                    raise RegistryError(404, "LAYERS_NOT_FOUND", blob["digest"])
            if not reference.startswith("sha256:"):
                if reference in repository.names and repository.is_immutable(reference):
                    raise RegistryError(
                        400,
                        "TAG_INVALID",
                        f"The image tag '{reference}' already exists in the '{repository.name}' repository and cannot be "
                        "overwritten because the tag is immutable.",
                    )
                repository.names[reference] = digest
            repository.manifests.setdefault(digest, (kind, body, time.time()))
            return self.answer(201, headers={"Docker-Content-Digest": digest})
        digest = reference if reference.startswith("sha256:") else repository.names.get(reference)
        if digest not in repository.manifests:
            raise RegistryError(404, "MANIFEST_UNKNOWN", "Requested image not found")
        if self.command == "DELETE":
            raise RegistryError(405, "UNSUPPORTED", "The operation is unsupported.")
        kind, content, _ = repository.manifests[digest]
        # GET leaves the digest out; HEAD has it.
        headers = {"Content-Type": kind, **({"Docker-Content-Digest": digest} if self.command == "HEAD" else {})}
        self.answer(200, content, headers)

    def blob(self, repository, digest):
        if digest not in repository.blobs:
            raise RegistryError(404, "BLOB_UNKNOWN", "no such layer")
        if self.command == "HEAD":
            return self.answer(200, repository.blobs[digest], {"Docker-Content-Digest": digest})
        location = f"https://{self.double.storage_host}/s3/{repository.name}/{digest}?X-Amz-Signature=presigned-secret"
        self.answer(307, headers={"Location": location})

    def storage(self, split):
        if "Authorization" in self.headers:
            return self.answer(400, b"<Error><Message>Only one auth mechanism allowed</Message></Error>")
        name, digest = split.path.removeprefix("/s3/").rsplit("/", 1)
        content = self.double.repositories[name].blobs[digest]
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not wanted:
            return self.answer(200, content)
        begin = int(wanted[1])
        end = int(wanted[2] or len(content) - 1) + 1
        self.answer(206, content[begin:end], {"Content-Range": f"bytes {begin}-{end - 1}/{len(content)}"})

    def upload(self, repository, session, query, body):
        double = self.double
        if self.command == "POST":
            source = double.repositories.get(query.get("from", ""))
            if double.options.mount and source and query.get("mount") in source.blobs:
                repository.blobs[query["mount"]] = source.blobs[query["mount"]]
                double.note(f"v2 mounted {query['mount']}")
                return self.answer(201, headers={"Location": f"/v2/{repository.name}/blobs/{query['mount']}"})
            session = secrets.token_hex(8)
            double.uploads[session] = [b"", None]  # content, the end of the first part
            return self.answer(202, headers={"Location": self.location(repository, session), "Range": "0-0"})
        if session not in double.uploads:
            raise RegistryError(404, "BLOB_UPLOAD_UNKNOWN", "no such upload")
        upload = double.uploads[session]
        if body and self.command == "PATCH" or body:
            given = self.headers.get("Content-Range")
            if given:
                first = int(given.split("-")[0])
                if first != len(upload[0]):
                    message = f"First byte of the layer part is {first} instead of {len(upload[0])}"
                    raise RegistryError(416, "BLOB_UPLOAD_INVALID", message)
                if upload[1] is not None and len(upload[0]) - upload[2] < MIN_CHUNK:
                    raise RegistryError(400, "BLOB_UPLOAD_INVALID", "All layer parts except the last part should be at least 5MB")
            upload[2:] = [len(upload[0])]
            upload[0] += body
            upload[1] = upload[1] or len(upload[0])
        if self.command == "PATCH":
            # 201, and a Range that stays at the end of the first part.
            headers = {"Location": self.location(repository, session), "Range": f"0-{upload[1] - 1}"}
            return self.answer(201, headers=headers)
        content = upload[0]
        if not content:
            raise RegistryError(400, "BLOB_UPLOAD_INVALID", "The upload cannot be completed because it does not have any parts")
        if digest_of(content) != query["digest"]:
            message = "None of the provided layer digests match the calculated layer digest"
            raise RegistryError(400, "BLOB_UPLOAD_INVALID", message)
        del double.uploads[session]
        repository.blobs[query["digest"]] = content
        self.answer(201, headers={"Docker-Content-Digest": query["digest"]})

    def location(self, repository, session):
        return f"https://{self.headers['Host']}/v2/{repository.name}/blobs/uploads/{session}"


class KeysHandler(Handler):
    """What gives keys to containers and instances, and SSO's portal, in the clear."""

    def handle_any(self):
        self.body()
        path = urllib.parse.urlsplit(self.path).path
        self.double.note(f"keys {self.command} {path}")
        secret, token = KEYS["ASIAROLE"]
        keys = {"AccessKeyId": "ASIAROLE", "SecretAccessKey": secret, "Token": token, "Expiration": "2099-01-01T00:00:00Z"}
        if path == "/container":
            if self.headers.get("Authorization") != "container-token":
                return self.answer(401)
            return self.answer_json(200, keys)
        if path == "/latest/api/token" and self.command == "PUT":
            return self.answer(200, b"imds-token")
        if self.headers.get("x-aws-ec2-metadata-token") == "imds-token":
            if path == "/latest/meta-data/iam/security-credentials/":
                return self.answer(200, b"role")
            if path == "/latest/meta-data/iam/security-credentials/role":
                return self.answer_json(200, keys)
        if path == "/federation/credentials" and self.headers.get("x-amz-sso_bearer_token") == "sso-token":
            role = {"accessKeyId": "ASIAROLE", "secretAccessKey": secret, "sessionToken": token, "expiration": 4070908800000}
            return self.answer_json(200, {"roleCredentials": role})
        self.answer(404)

    do_GET = do_HEAD = do_POST = do_PUT = handle_any


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--cert", required=True)
    arguments.add_argument("--key", required=True)
    arguments.add_argument("--port", type=int, default=0, help="of HTTPS; by default one that is free")
    arguments.add_argument("--log", help="a line for each call")
    arguments.add_argument("--token-life", type=float, default=43200, help="seconds")
    arguments.add_argument("--token-delay", type=float, default=0, help="seconds that giving one takes")
    arguments.add_argument("--delay", type=float, default=0, help="seconds that each request of the registry takes")
    arguments.add_argument("--skew", type=float, default=0, help="how far its clock is ahead, seconds")
    arguments.add_argument("--mount", action="store_true", help="BLOB_MOUNTING is enabled")
    arguments.add_argument("--schema-1", action="store_true", help="each repository has an old image of Docker's, without a tag")
    arguments.add_argument("--deny", action="append", default=[], metavar="OPERATION")
    arguments.add_argument("--fail-once", action="append", default=[], metavar="OPERATION")
    arguments.add_argument("--lose", action="append", default=[], metavar="OPERATION", help="its first answer is lost")
    Handler.double = Double(arguments.parse_args())
    server = Server(("127.0.0.1", Handler.double.options.port), Handler)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(Handler.double.options.cert, Handler.double.options.key)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    keys = Server(("127.0.0.1", 0), KeysHandler)
    port = server.server_address[1]
    Handler.double.host = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com:{port}"
    Handler.double.storage_host = f"prod-{REGION}-starport-layer-bucket.s3.{REGION}.amazonaws.com:{port}"
    for one in (server, keys):
        threading.Thread(target=one.serve_forever, daemon=True).start()
    print(port, keys.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
