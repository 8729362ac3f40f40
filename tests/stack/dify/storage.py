"""Uploaded files in S3, through boto3 as Dify's AwsS3Storage does it."""
import boto3
from botocore.client import Config
from botocore.exceptions import ClientError

import config

_client = None


def client():
    global _client
    if _client is None:
        _client = boto3.client(
            "s3",
            aws_access_key_id=config.S3_ACCESS_KEY,
            aws_secret_access_key=config.S3_SECRET_KEY,
            endpoint_url=config.S3_ENDPOINT,
            region_name=config.S3_REGION,
            config=Config(s3={"addressing_style": "auto"}),
        )
    return _client


def init():
    """Make the bucket when it is not there, at start, as Dify does."""
    try:
        client().head_bucket(Bucket=config.S3_BUCKET_NAME)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "403"):
            raise
        try:
            client().create_bucket(
                Bucket=config.S3_BUCKET_NAME,
                CreateBucketConfiguration={"LocationConstraint": config.S3_REGION})
        except client().exceptions.BucketAlreadyOwnedByYou:
            pass  # the API and the worker start side by side


def save(key: str, data: bytes):
    client().put_object(Bucket=config.S3_BUCKET_NAME, Key=key, Body=data)


def load(key: str) -> bytes:
    return client().get_object(Bucket=config.S3_BUCKET_NAME, Key=key)["Body"].read()
