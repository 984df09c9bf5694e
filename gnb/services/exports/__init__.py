"""Exports, piece by piece: what may be asked for, how the rows become a file, where the file is kept.

`gnb.services.export_service` is the door; the files here are the rooms, one idea each:

    filters        what each export may be narrowed by; one schema for API, form, command line and job
    selection      filters as conditions of a query
    csv_columns    the columns of each CSV file
    csv_sqlite, csv_postgresql, csv_file    rows as lines, made by the database itself
    revenue        totals by day and tour, in SQL
    bookings_pdf, revenue_pdf, plots, pdf_pages, pdf_join    documents, slice by slice
    storage        where files are kept: the database, a folder, S3
    attempts       one try at an export: from its row to the whole file, or to nothing
    lost           exports that no job will make any more
    clean_up       files past their time, and what broken attempts left behind
"""
