"""What fine-tuning on cached latents costs against training every sensor's encoder from scratch."""
