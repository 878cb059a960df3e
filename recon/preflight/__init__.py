"""What has to hold before an import: does the profile fit the database?"""
